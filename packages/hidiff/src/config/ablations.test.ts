import { Generator, type HostTensor } from "@hidiff/core-tensor";
import { parse } from "@hidiff/datasets";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { tinyBatches } from "../testing/tiny.ts";
import { TrainingSession } from "../training/session.ts";
import { trainAlternating } from "../training/train-alternating.ts";
import { ablationNames, withAblation } from "./ablations.ts";
import { preset } from "./presets.ts";
import { type Configuration, type ConfigurationInput, configurationSchema } from "./schema.ts";

beforeAll(useTestBackend);

const base: ConfigurationInput = {
  dataset: { name: "drive" },
  architecture: { segmentor: { options: { baseWidth: 4, depth: 2, norm: "group" } }, refiner: { baseWidth: 4 }, diffusion: { steps: 3 } },
  training: { seed: 3, batchSize: 2, cropSize: 32, pretraining: { iterations: 0 }, alternating: { iterations: 1 }, validationInterval: 0 },
};

function ablated(name: string, from: ConfigurationInput = base): Configuration {
  return parse(configurationSchema, withAblation(from, name), name) as Configuration;
}

/** Every option by its dotted path. */
function flat(value: unknown, path: string = ""): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return { [path]: value };
  return Object.assign({}, ...Object.entries(value).map(([key, inner]) => flat(inner, path === "" ? key : `${path}.${key}`))) as Record<string, unknown>;
}

/** What differs, as [from, to] by path. */
function difference(from: Configuration, to: Configuration): Record<string, [unknown, unknown]> {
  const [a, b] = [flat(from), flat(to)];
  const paths = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((path) => a[path] !== b[path]);
  return Object.fromEntries(paths.map((path) => [path, [a[path], b[path]]]));
}

const steps: readonly { from: string; to: string; changes: Record<string, [unknown, unknown]> }[] = [
  { from: "v1", to: "v2", changes: { "training.alternating.freezeSegmentor": [true, false] } },
  { from: "v2", to: "v3", changes: { "training.focalWeight": [0, 1] } },
  { from: "v3", to: "v4", changes: { "architecture.refiner.crossTransformer": [false, true] } },
  { from: "v4", to: "v5", changes: { "architecture.refiner.precision": ["real", "binary"] } },
  { from: "v5", to: "gaussian", changes: { "architecture.diffusion.kernel": ["bernoulli", "gaussian"] } },
  { from: "v5", to: "discriminative", changes: { "architecture.refiner.kind": ["diffusion", "discriminative"] } },
];

describe("a configuration of the ablation study", () => {
  it.each(steps)("$to differs from $from in one option", ({ from, to, changes }) => {
    expect(difference(ablated(from), ablated(to))).toEqual(changes);
  });

  it("V5 is the whole method: the defaults are the paper's", () => {
    const paper: ConfigurationInput = { dataset: { name: "drive" } };
    expect(ablated("v5", paper)).toEqual(parse(configurationSchema, paper, "paper"));
  });

  it("leaves the rest of a preset as it is, and the preset itself", () => {
    const before = preset("drive-small");
    const changed = ablated("v1", before);
    expect(before).toEqual(preset("drive-small"));
    expect(changed.architecture.segmentor.options).toEqual({ baseWidth: 8, depth: 4 });
    expect(changed.architecture.diffusion.target).toBe("y0-log-odds");
    expect(ablated("gaussian", before).architecture.diffusion.target).toBe("epsilon");
  });

  it("has a name that is known", () => {
    expect(ablationNames).toEqual(["v1", "v2", "v3", "v4", "v5", "gaussian", "discriminative"]);
    expect(() => withAblation(base, "V2")).toThrow(/no ablation "V2"\. Did you mean "v2"\? Known: v1, v2/);
    expect(() => withAblation(base, "constructor")).toThrow(/no ablation "constructor"/);
  });
});

/** One iteration of alternate training. */
interface Trained {
  readonly losses: Readonly<Record<string, number>>;
  readonly before: { readonly segmentor: Arrays; readonly refiner: Arrays };
  readonly after: { readonly segmentor: Arrays; readonly refiner: Arrays };
}

type Arrays = Record<string, number[]>;

function arrays(state: ReadonlyMap<string, HostTensor>): Arrays {
  return Object.fromEntries([...state].map(([name, { data }]) => [name, Array.from(data)]));
}

async function trainOnce(name: string, changes: Partial<Configuration["training"]> = {}): Promise<Trained> {
  const { architecture, training } = ablated(name);
  const model = new HybridModel({ ...architecture, imageChannels: 1, classes: 1 }, new Generator(training.seed));
  const states = (): Trained["before"] => ({ segmentor: arrays(model.segmentor.stateDict()), refiner: arrays(model.refiner.stateDict()) });
  const before = states();
  let losses: Trained["losses"] = {};
  const session = new TrainingSession(model, { ...training, ...changes });
  await trainAlternating(session, tinyBatches(), { onIteration: (report) => void (losses = report.losses) });
  const after = states();
  model.dispose();
  return { losses, before, after };
}

describe("one iteration of training", () => {
  let trained: Record<string, Trained> = {};
  beforeAll(async () => {
    const names = ["v1", "v2", "v3", "v4", "v5"];
    trained = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await trainOnce(name)] as const)));
  });

  it("V1 to V2: the refiner's update is the same, and the segmentor is trained, too", () => {
    const { v1, v2 } = trained as Record<"v1" | "v2", Trained>;
    expect(v2.before).toEqual(v1.before);
    expect(v2.after.refiner).toEqual(v1.after.refiner);
    expect(v1.after.segmentor).toEqual(v1.before.segmentor);
    expect(v2.after.segmentor).not.toEqual(v2.before.segmentor);
    expect(Object.keys(v1.losses)).toEqual(["refinement"]);
    expect(v2.losses["refinement"]).toBe(v1.losses["refinement"]);
  });

  it("V2 to V3: the loss is higher by the focal term", async () => {
    const { v2, v3 } = trained as Record<"v2" | "v3", Trained>;
    expect(v3.before).toEqual(v2.before);
    const focal = v3.losses["refinement"]! - v2.losses["refinement"]!;
    expect(focal).toBeGreaterThan(0);
    // The loss is linear in the term's weight: half of it adds half. A bit of loss has 24 binary digits.
    const half = await trainOnce("v3", { focalWeight: 0.5 });
    expect([half.losses["refinement"]! - v2.losses["refinement"]!]).toBeAllClose([focal / 2], { absolute: 1e-6 });
  });

  it("V3 to V4: the refiner has a cross-transformer besides", () => {
    const [without, with_] = ["v3", "v4"].map((name) => Object.entries(trained[name]!.before.refiner)) as [[string, number[]][], [string, number[]][]];
    const shared = with_.filter(([name]) => !name.startsWith("crossTransformer."));
    expect(shared.length).toBeLessThan(with_.length);
    expect(shared.map(([name, { length }]) => [name, length])).toEqual(without.map(([name, { length }]) => [name, length]));
    expect(trained["v4"]!.before.segmentor).toEqual(trained["v3"]!.before.segmentor);
  });

  it("V4 to V5: the same parameters, binarized when they are used", () => {
    const { v4, v5 } = trained as Record<"v4" | "v5", Trained>;
    expect(v5.before).toEqual(v4.before);
    // The head starts at zero, so that what lies before it does not show in the first loss: but in its gradient.
    expect(v5.losses["refinement"]).toBe(v4.losses["refinement"]);
    expect(v5.after.refiner).not.toEqual(v4.after.refiner);
    expect(v5.losses["segmentor"]).not.toBe(v4.losses["segmentor"]);
  });
});
