import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, selectBackend } from "@hidiff/core-tensor";
import { readSafetensors } from "@hidiff/core-tensor/node";
import { architectureSchema, HybridModel, parse } from "hidiff";
import { writeNetwork } from "hidiff/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { encodePyTorch, joinBytes, pickle, type PyTorchValue } from "../../../test/pytorch-files.ts";
import { hidiff, lastLine } from "./testing/command.ts";

// Spawns the command from its sources. The tests are one story: weights of another program, two models made of them, both compared.

let folder = "";
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  await selectBackend({ prefer: "cpu" });
  folder = await mkdtemp(join(tmpdir(), "hidiff-weights-"));
  const options = { baseWidth: 4, depth: 2 };
  const architecture = parse(architectureSchema, { imageChannels: 3, classes: 1, segmentor: { options }, refiner: { baseWidth: 4 } }, "architecture");
  const model = new HybridModel(architecture, new Generator(5));
  await writeNetwork(path("published.safetensors"), model.segmentor, { network: "unet", options, layout: "pytorch" });
  model.dispose();
  const { tensors } = await readSafetensors(path("published.safetensors"));
  const state = [...tensors].map(([name, tensor]): [string, PyTorchValue] => [`module.${name}`, tensor]);
  const checkpoint = new Map<string, PyTorchValue>([["epoch", 7], ["state_dict", new Map([...state, ["module.inc.double_conv.1.num_batches_tracked", { shape: [], data: [9], dtype: "I64" }]])]]);
  await writeFile(path("other.pth"), encodePyTorch(checkpoint, { format: "zip" }));
  await writeFile(
    path("tiny.yaml"),
    `
dataset: { name: synthetic-fundus, count: { train: 2, validation: 1, test: 6 }, size: 64, seed: 3 }
architecture:
  refiner: { baseWidth: 8 }
  diffusion: { steps: 2, target: y0-log-odds }
training:
  batchSize: 2
  cropSize: 32
  augmentation: { affine: false, gaussianBlur: false }
  pretraining: { iterations: 0 }
  alternating: { iterations: 0 }
  validationInterval: 0
inference: { samples: 1, window: 64 }
`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("hidiff import and export", () => {
  it("reads a training's checkpoint and says what to put into the configuration", async () => {
    const outcome = await hidiff(["import", path("other.pth"), "--as", "unet", "--out", path("other.safetensors")]);
    expect(outcome.stderr).toBe("");
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/other\.pth: PyTorch, 57 arrays\./);
    expect(outcome.stdout).toMatch(/unet: all 56 arrays found under "state_dict\.module\.", [\d,]+ numbers \(F32\)/);
    expect(outcome.stdout).toMatch(/Not used: 1 array, such as state_dict\.module\.inc\.double_conv\.1\.num_batches_tracked/);
    const snippet: unknown = parseYaml(outcome.stdout.slice(outcome.stdout.indexOf("architecture:")));
    expect(snippet).toEqual({
      architecture: { segmentor: { name: "unet", options: { baseWidth: 4, depth: 2, norm: "batch", up: "transposed" } } },
      training: { initialWeights: { segmentor: path("other.safetensors") } },
    });
  });

  it("a model is made of it without training, and exported again, bit for bit", async () => {
    const segmentor = ["--set", "architecture.segmentor.options.baseWidth=4", "--set", "architecture.segmentor.options.depth=2"];
    const trained = await hidiff(["train", "--config", path("tiny.yaml"), ...segmentor, "--set", `training.initialWeights.segmentor=${path("other.safetensors")}`, "--out", path("given")]);
    expect(trained.stderr).not.toContain("error");
    expect(trained.code).toBe(0);
    const exported = await hidiff(["export", path("given"), "--out", path("exported"), "--json"]);
    expect(exported.code).toBe(0);
    expect(JSON.parse(exported.stdout)).toMatchObject({ written: [{ network: "unet", file: path("exported/segmentor.safetensors") }, { network: "hidiff-refiner" }] });
    const again = await hidiff(["import", path("exported/segmentor.safetensors"), "--out", path("again.safetensors"), "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ format: "safetensors", network: "unet", layout: "hidiff", prefix: "", ignored: [], random: [], out: path("again.safetensors") });
    expect((await readFile(path("again.safetensors"))).equals(await readFile(path("other.safetensors")))).toBe(true);
  });

  it("refuses what it cannot do, in one line, and writes nothing", async () => {
    const expectError = async (args: readonly string[], code: number, message: RegExp): Promise<void> => {
      const outcome = await hidiff(args);
      expect(lastLine(outcome)).toMatch(message);
      expect(outcome.stderr.trim().split("\n")).toHaveLength(1);
      expect(outcome.code).toBe(code);
    };
    await expectError(["import", path("other.pth")], 2, /^error: .*other\.pth does not say of which network its weights are; say it with --as, one of unet, /);
    await expectError(["import", path("other.pth"), "--as", "unett"], 2, /'unett' is invalid\. Did you mean "unet"\?/);
    await expectError(["import", path("other.pth"), "--as", "unet", "--out", path("other.safetensors")], 1, /is there already; give another name, or --force/);
    await expectError(["import", path("other.safetensors"), "--force", "--out", path("other.safetensors")], 2, /is the file that is read, too; give another name with --out/);
    await expectError(["import", path("none.pth"), "--as", "unet"], 1, /none\.pth: there is no such file/);
    await expectError(["import", path("other.pth"), "--as", "swin-unet", "--out", path("x.safetensors")], 1, /no checkpoint of swin-unet/);
    await expectError(["import", path("other.pth"), "--as", "unet", "--set", "baseWidth=8", "--out", path("x.safetensors")], 1, /other shapes than the network's/);
    const command = pickle.of(pickle.global("os", "system"), pickle.mark, pickle.text(`touch ${path("executed")}`), pickle.tuple, pickle.reduce);
    await writeFile(path("hostile.pth"), joinBytes(command));
    await expectError(["import", path("hostile.pth"), "--as", "unet", "--out", path("x.safetensors")], 1, /hostile\.pth/);
    for (const name of ["x.safetensors", "executed"]) await expect(access(path(name))).rejects.toThrow();
  });
});

describe("hidiff compare", () => {
  it("scores models on one data set: table, plot, page, significance", async () => {
    const smaller = await hidiff(["train", "--config", path("tiny.yaml"), "--set", "architecture.segmentor.options={baseWidth: 2, depth: 1}", "--out", path("random")]);
    expect(smaller.code).toBe(0);
    const outcome = await hidiff(["compare", "--model", path("given"), "--model", `a random one=${path("random")}`, "--seeds", "1,2", "--out", path("comparison")]);
    expect(outcome.stderr).not.toContain("error");
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/synthetic-fundus, test split: 6 cases/);
    for (const name of ["given", "given, refined", "a random one", "a random one, refined"]) expect(outcome.stdout).toMatch(new RegExp(`^${name} +\\d\\.\\d{4} ± `, "m"));
    expect(outcome.stdout).toMatch(/given → given, refined/);

    const summary = JSON.parse(await readFile(path("comparison/comparison.json"), "utf8")) as { methods: unknown[]; cases: string[]; metrics: { values: number[][]; pairs: unknown[] }[]; seeds: number[] };
    expect(summary).toMatchObject({ seeds: [1, 2], cases: ["test-0", "test-1", "test-2", "test-3", "test-4", "test-5"] });
    expect(summary.metrics[0]!.pairs).toHaveLength(6);

    // The same scores as evaluate has.
    const evaluated = await hidiff(["evaluate", "--model", path("random"), "--seeds", "1,2", "--out", path("evaluation"), "--json"]);
    const { metrics } = JSON.parse(evaluated.stdout) as { metrics: { dice: { prior: { mean: number }; refined: { mean: number } } } };
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(summary.metrics[0]!.values[2]!)).toBeCloseTo(metrics.dice.prior.mean, 12);
    expect(mean(summary.metrics[0]!.values[3]!)).toBeCloseTo(metrics.dice.refined.mean, 12);

    const page = await readFile(path("comparison/comparison.html"), "utf8");
    expect(page).toContain("a random one, refined");
    expect(page).not.toMatch(/(src|href)="https?:/);
    expect(await readFile(path("comparison/comparison.svg"), "utf8")).toMatch(/^<svg .*<\/svg>$/s);
    expect((await readFile(path("comparison/values.csv"), "utf8")).trim().split("\n")).toHaveLength(1 + 6 * 4);
    expect((await readFile(path("comparison/pairs.csv"), "utf8")).split("\n")[0]).toMatch(/^metric,first,second,images/);
  });

  it("says which model is missing", async () => {
    const outcome = await hidiff(["compare", "--model", path("given"), "--model", path("nowhere"), "--out", path("nothing")]);
    expect(outcome.code).toBe(1);
    expect(lastLine(outcome)).toMatch(/There is no model .*nowhere/);
    expect((await hidiff(["compare"])).code).toBe(2);
  });
});
