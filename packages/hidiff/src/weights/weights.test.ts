import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assignHost, Generator, type HostTensor, type Module, tensor4d, tidy, toPyTorchLayout, transpose } from "@hidiff/core-tensor";
import { decodeSafetensors, encodeNpz, encodeSafetensors } from "@hidiff/core-tensor/files";
import { openWeights } from "@hidiff/core-tensor/node";
import { createSegmentor, publishedSegmentor, type SegmentorModule } from "@hidiff/segmentors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { formula, formulaParameter, toChannelsLast } from "../../../../test/goldens.ts";
import "../../../../test/matchers.ts";
import { encodePyTorch, type PyTorchFormat, type PyTorchValue, withPyTorch } from "../../../../test/pytorch-files.ts";
import { publishedShapes } from "../refiner/golden-support.ts";
import { publishedRefinerName } from "../refiner/published-names.ts";
import { Refiner } from "../refiner/refiner.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { tinyArchitecture } from "../testing/tiny.ts";
import { importWeights, type ImportedNetwork, type ImportWeightsOptions } from "./import-weights.ts";
import { loadInitialWeights } from "./initial-weights-node.ts";
import { networkArrays } from "./load-weights.ts";
import { createNetwork, publishedForm } from "./networks.ts";
import { writeNetwork } from "./write-network-node.ts";

let folder = "";
beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-import-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Imports bytes as a file of that name. */
async function importBytes(name: string, bytes: Uint8Array, options: ImportWeightsOptions): Promise<ImportedNetwork> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return importFile(path, options);
}

async function importFile(path: string, options: ImportWeightsOptions): Promise<ImportedNetwork> {
  const file = await openWeights(path);
  try {
    return await importWeights(file, options);
  } finally {
    await file.close();
  }
}

type Shape = readonly [number, number, number, number];

/** What the published networks compute from parameters that are given by a formula: see the segmentors' tests. */
interface Fixture {
  readonly inputShape: Shape;
  readonly logitsShape: Shape;
  readonly logits: readonly number[];
  readonly parameters: Readonly<Record<string, { readonly shape: readonly number[] }>>;
}

async function readFixture(path: string): Promise<Fixture> {
  return JSON.parse(await readFile(fileURLToPath(new URL(`../../../segmentors/src/${path}`, import.meta.url)), "utf8")) as Fixture;
}

/** Every parameter and running statistic of a published network, by the formula. */
function publishedState({ parameters }: Fixture): Map<string, HostTensor> {
  const names = Object.entries(parameters).flatMap(([name, { shape }]): [string, readonly number[]][] => {
    // Norms with running statistics are those of batches, in the U-Nets and in TransUNet's decoder.
    const hasStatistics = /double_conv\.[14]\.weight$|decoder\.(conv_more|blocks\.\d\.conv[12])\.1\.weight$/.test(name);
    const statistics = hasStatistics ? ["running_mean", "running_var"].map((field): [string, readonly number[]] => [name.replace(/weight$/, field), shape]) : [];
    return [[name, shape], ...statistics];
  });
  return new Map(names.map(([name, shape]) => [name, formulaParameter(name, shape)]));
}

/** The network's logits in evaluation mode for the formula's image, in PyTorch's order. */
function logitsOf(module: Module, [batch, channels, height, width]: Shape): Float32Array {
  const values = toChannelsLast(formula("input.img", batch * channels * height * width), [batch, channels, height, width]);
  let logits = new Float32Array();
  tidy(() => {
    const image = tensor4d(values, [batch, height, width, channels]);
    logits = Float32Array.from(transpose((module as SegmentorModule).forward(image, { training: false }).logits, [0, 3, 1, 2]).dataSync());
  });
  return logits;
}

/** The wrapping of a training script: the state under a key, its names behind DataParallel's prefix. */
function checkpointOf(state: ReadonlyMap<string, HostTensor>): PyTorchValue {
  const wrapped = new Map<string, PyTorchValue>([...state].map(([name, value]) => [`module.${name}`, value]));
  wrapped.set("module.inc.double_conv.1.num_batches_tracked", { shape: [], data: [41], dtype: "I64" });
  return new Map<string, PyTorchValue>([["epoch", 3], ["state_dict", wrapped]]);
}

const float = { absolute: 1e-4 }; // the goldens' tolerance for float networks

describe("a state dict in PyTorch's own format computes what the published network computes", () => {
  const cases: readonly { name: string; format: PyTorchFormat; wrapped: boolean }[] = [
    { name: "zip", format: { format: "zip" }, wrapped: false },
    { name: "legacy, within a checkpoint", format: { format: "legacy" }, wrapped: true },
  ];

  it.each(cases)("TransUNet: $name", async ({ format, wrapped }) => {
    const fixture = await readFixture("transunet/fixtures/transunet.json");
    const state = publishedState(fixture);
    await noLeak(async () => {
      const options = { as: "transunet", options: { heads: 4, imageChannels: 1 } };
      const { module, report } = await importBytes("transunet.pth", encodePyTorch(wrapped ? checkpointOf(state) : state, format), options);
      expect(report).toMatchObject({ prefix: wrapped ? "state_dict.module." : "", matched: state.size, types: { F32: state.size }, random: [] });
      expect(report.ignored).toEqual(wrapped ? ["state_dict.module.inc.double_conv.1.num_batches_tracked"] : []);
      const logits = logitsOf(module, fixture.inputShape);
      const step = Math.floor(logits.length / 256) - 1;
      expect(fixture.logits.map((_, index) => logits[index * step]!)).toBeAllClose(fixture.logits, float);
      module.dispose();
    });
  });

  it("U-Net with 31 million parameters", async () => {
    const fixture = await readFixture("unet/fixtures/unet.json");
    const state = publishedState(fixture);
    const { module, header, report } = await importBytes("unet.pth", encodePyTorch(state, { format: "zip" }), { as: "unet" });
    expect(header).toEqual({
      network: "unet",
      options: { imageChannels: 3, classes: 2, baseWidth: 64, depth: 4, norm: "batch", up: "transposed" },
      layout: "hidiff",
    });
    expect(report).toMatchObject({ matched: state.size, values: [...state.values()].reduce((sum, { data }) => sum + data.length, 0) });
    const logits = logitsOf(module, fixture.inputShape);
    const step = Math.floor(logits.length / 256) - 1;
    expect(fixture.logits.map((_, index) => logits[index * step]!)).toBeAllClose(fixture.logits, float);
    module.dispose();
  });

  it("the refiner, whose forward the goldens of its own test fix", async () => {
    const options = { imageChannels: 1, classes: 4, featureChannels: [8, 12, 16, 20] as const, baseWidth: 8, tokenOrder: "published" as const };
    const network = new Refiner(options, new Generator(0));
    const state = new Map([...publishedShapes(network)].map(([name, shape]) => [name, formulaParameter(name, shape)]));
    const unused = new Map([["cross1.fnn1.layernorm_before.weight", { shape: [32], data: new Float32Array(32) }]]);
    const { module, header, report } = await importBytes("refiner.pt", encodePyTorch(new Map([...state, ...unused]), { format: "zip" }), { as: "hidiff-refiner" });
    expect(header).toMatchObject({ network: "hidiff-refiner", options: { ...options, crossTransformer: true, precision: "binary" } });
    expect(report).toMatchObject({ ignored: [...unused.keys()], unexpected: [] });
    for (const { name, variable, layout } of networkArrays(module, publishedRefinerName)) {
      const written = toPyTorchLayout({ shape: variable.shape, data: variable.dataSync() as Float32Array }, layout);
      expect(Array.from(written.data)).toEqual(Array.from(state.get(publishedRefinerName(name))!.data));
    }
    network.dispose();
    module.dispose();
  });

  it("half precision becomes 32 bits", async () => {
    const state = publishedState(await readFixture("transunet/fixtures/transunet.json"));
    for (const dtype of ["F16", "BF16"] as const) {
      const { module, report } = await importBytes(`${dtype}.pth`, encodePyTorch(state, { format: "zip", dtype }), { as: "transunet", options: { heads: 4, imageChannels: 1 } });
      expect(report.types).toEqual({ [dtype]: state.size });
      const error = dtype === "F16" ? 2 ** -11 : 2 ** -8; // rounded to 11 and to 8 significant bits
      for (const { published, variable, layout } of networkArrays(module, publishedSegmentor("transunet")!.stateName)) {
        const { data } = toPyTorchLayout({ shape: variable.shape, data: variable.dataSync() as Float32Array }, layout);
        const original = state.get(published)!.data;
        const largest = original.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(data, published).toBeAllClose(original, { absolute: error * largest });
        expect(data).not.toEqual(original);
      }
      module.dispose();
    }
  });
});

const kinds: readonly { kind: string; options: Readonly<Record<string, unknown>>; untold?: Readonly<Record<string, unknown>> }[] = [
  { kind: "unet", options: { imageChannels: 2, classes: 3, baseWidth: 4, depth: 3 } },
  { kind: "unet", options: { imageChannels: 1, classes: 1, baseWidth: 4, depth: 2, up: "bilinear" } },
  { kind: "attention-unet", options: { imageChannels: 2, classes: 3, baseWidth: 4 } },
  { kind: "residual-unet", options: { imageChannels: 2, classes: 3, stages: 4, baseWidth: 4, maximumWidth: 16, blocks: [1, 2, 1, 1] } },
  {
    kind: "transunet",
    options: { imageChannels: 1, classes: 2, hiddenSize: 16, mlpSize: 32, heads: 2, layers: 2, resnetUnits: [1, 2, 1], widthFactor: 0.125, decoderChannels: [16, 8, 8, 8], skips: 2, imageSize: 64 },
    untold: { heads: 2, imageChannels: 1 },
  },
  {
    kind: "swin-unet",
    options: { imageChannels: 1, classes: 2, embedDimension: 8, heads: [1, 2, 4, 8], depths: [1, 2, 1, 1], decoderDepths: [1, 2, 1, 1], window: 4, mlpRatio: 2 },
    untold: { imageChannels: 1 },
  },
  { kind: "hidiff-refiner", options: { imageChannels: 1, classes: 2, featureChannels: [4, 8, 8, 8], baseWidth: 4, precision: "real", tokenOrder: "published" }, untold: { precision: "real" } },
];

function bytesOf(module: Module): Buffer {
  return Buffer.from(encodeSafetensors(module.stateDict()));
}

/** A network with running statistics that are not those of a new one. */
function randomNetwork(kind: string, options: Readonly<Record<string, unknown>>): Module {
  const module = createNetwork(kind, options, new Generator(`a ${kind}`));
  const generator = new Generator("statistics");
  for (const { variable } of module.buffers()) assignHost(variable, { shape: variable.shape, data: generator.uniformArray(variable.size, 0.5, 1) });
  return module;
}

describe.each(kinds)("import, export and import of $kind $options", ({ kind, options, untold = {} }) => {
  it("is the same bit for bit", () =>
    noLeak(async () => {
      const network = randomNetwork(kind, options);
      const [exported, own] = [join(folder, "exported.safetensors"), join(folder, "own.safetensors")];
      await writeNetwork(exported, network, { network: kind, options, layout: "pytorch" });

      // As another program would have written it: without our description.
      const { tensors } = decodeSafetensors(await readFile(exported), exported);
      const first = await importBytes("foreign.safetensors", encodeSafetensors(tensors), { as: kind, options: untold });
      expect(first.header.options).toMatchObject(options);
      expect(bytesOf(first.module).equals(bytesOf(network))).toBe(true);

      await writeNetwork(own, first.module, first.header);
      const second = await importFile(own, {});
      expect(second.header).toEqual(first.header);
      await writeNetwork(join(folder, "again.safetensors"), second.module, { ...second.header, layout: "pytorch" });
      const third = await importFile(join(folder, "again.safetensors"), {});
      expect(bytesOf(third.module).equals(bytesOf(network))).toBe(true);
      expect(decodeSafetensors(await readFile(join(folder, "again.safetensors")), "again").tensors).toEqual(tensors);
      for (const module of [network, first.module, second.module, third.module]) module.dispose();
    }));
});

it("networks that nobody published keep our names, with PyTorch's of running statistics", () =>
  noLeak(async () => {
    const path = join(folder, "masks.safetensors");
    const network = createSegmentor("masks", { imageChannels: 1, classes: 1 }, new Generator(1));
    await writeNetwork(path, network, { network: "masks", options: { imageChannels: 1, classes: 1 }, layout: "pytorch" });
    const { module } = await importFile(path, {});
    expect(bytesOf(module).equals(bytesOf(network))).toBe(true);
    expect(publishedForm("masks").stateName("a.norm.runningVariance")).toBe("a.norm.running_var");
    network.dispose();
    module.dispose();
  }));

describe("a .npz checkpoint of a vision transformer", () => {
  const options = { imageChannels: 1, classes: 2, hiddenSize: 16, mlpSize: 32, heads: 2, layers: 1, resnetUnits: [1, 1, 1], widthFactor: 0.125, decoderChannels: [16, 8, 8, 8], imageSize: 64 };

  it("gives the encoder; the rest is random, by the seed", () =>
    noLeak(async () => {
      const network = createSegmentor("transunet", options, new Generator(3));
      const { stateName } = publishedSegmentor("transunet")!.pretrained!;
      const arrays = new Map(
        network.parameters().flatMap(({ name, variable }): [string, HostTensor][] => {
          const found = stateName(name);
          if (found === undefined) return [];
          const data = variable.dataSync().slice() as Float32Array;
          // A class token comes before the grid of positions.
          return [[found, found.includes("posembed") ? { shape: [1, 17, 16], data: Float32Array.of(...new Float32Array(16), ...data) } : { shape: variable.shape, data }]];
        }),
      );
      const path = join(folder, "vit.npz");
      await writeFile(path, encodeNpzWithFolders(arrays));
      const { module, report } = await importFile(path, { as: "transunet", options, generator: new Generator(4) });
      expect(report.matched).toBe(arrays.size);
      expect(report.random).toContain("head.weight");
      expect(report.random).toHaveLength(network.parameters().length - arrays.size);
      const [own, found] = [network.stateDict(), module.stateDict()];
      for (const [name, { data }] of own) {
        if (report.random.includes(name) || !network.parameters().some((parameter) => parameter.name === name)) continue;
        expect(Array.from(found.get(name)!.data), name).toEqual(Array.from(data));
      }
      expect(Array.from(found.get("head.weight")!.data)).not.toEqual(Array.from(own.get("head.weight")!.data));
      await expect(importFile(path, { as: "transunet" })).rejects.toMatchObject({ code: "weights.options", message: expect.stringMatching(/imageChannels and classes/) });
      arrays.delete("Transformer/encoder_norm/bias");
      await writeFile(path, encodeNpzWithFolders(arrays));
      await expect(importFile(path, { as: "transunet", options })).rejects.toMatchObject({ code: "weights.missing", message: expect.stringMatching(/encoder_norm\/bias/) });
      network.dispose();
      module.dispose();
    }));

  /** Names with slashes, which `encodeNpz` does not take: put in afterwards, of the same length. */
  function encodeNpzWithFolders(arrays: ReadonlyMap<string, HostTensor>): Uint8Array {
    const bytes = Buffer.from(encodeNpz(new Map([...arrays].map(([name, value]) => [name.replaceAll("/", "~"), value]))));
    const text = bytes.toString("latin1").replaceAll(/[\w~]+~[\w~]+\.npy/g, (name) => name.replaceAll("~", "/"));
    return Buffer.from(text, "latin1");
  }
});

describe("what is wrong with a file is said", () => {
  const options = { imageChannels: 1, classes: 1, baseWidth: 4, depth: 2 };
  let state: Map<string, HostTensor>;

  beforeAll(async () => {
    const network = randomNetwork("unet", options);
    const path = join(folder, "good.safetensors");
    await writeNetwork(path, network, { network: "unet", options, layout: "pytorch" });
    state = decodeSafetensors(await readFile(path), path).tensors as Map<string, HostTensor>;
    network.dispose();
  });

  const expectError = (name: string, tensors: ReadonlyMap<string, HostTensor>, importOptions: ImportWeightsOptions, code: string, message: RegExp): Promise<void> =>
    noLeak(async () => {
      await expect(importBytes(`${name}.safetensors`, encodeSafetensors(tensors), importOptions)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    });

  it("no network or an unknown one", async () => {
    await expectError("a", state, {}, "weights.unknown", /does not say of which network/);
    await expectError("a", state, { as: "u-net" }, "weights.unknown", /no network "u-net"\. Did you mean "unet"\? Known: unet/);
  });

  it("another architecture", async () => {
    await expectError("b", state, { as: "transunet" }, "weights.names", /no checkpoint of transunet: expected an array transformer.*, but it has \d+ arrays, such as inc/);
    await expectError("b", new Map(), { as: "unet" }, "weights.names", /no arrays at all/);
  });

  it("missing names and other shapes", async () => {
    const missing = new Map(state);
    for (const name of ["up1.up.bias", "down1.maxpool_conv.1.double_conv.4.running_var"]) missing.delete(name);
    await expectError("c", missing, { as: "unet" }, "weights.missing", /lacks 2 of the network's \d+ arrays: .*running_var/);
    const misshaped = new Map([...state, ["inc.double_conv.1.bias", { shape: [5], data: new Float32Array(5) }]]);
    await expectError("d", misshaped, { as: "unet" }, "weights.shape", /1 array\(s\) of other shapes than the network's: inc\.double_conv\.1\.bias \(expected \[4\], got \[5\]\)/);
    await expectError("e", state, { as: "unet", options: { baseWidth: 8 } }, "weights.shape", /expected \[8,1,3,3\], got \[4,1,3,3\]/);
  });

  it("arrays that the network does not have, but stand among its own", async () => {
    const extra = { shape: [4], data: new Float32Array(4) };
    const wrapped = new Map<string, HostTensor>([...state].map(([name, value]) => [`net.${name}`, value]));
    for (const name of ["loss.weight", "net.inc.double_conv.1.num_batches_tracked", "net.att1.psi.weight"]) wrapped.set(name, extra);
    const { module, report } = await importBytes("h.safetensors", encodeSafetensors(wrapped), { as: "unet" });
    expect(report.ignored).toHaveLength(3);
    expect(report.unexpected).toEqual(["net.att1.psi.weight"]);
    module.dispose();
  });

  it("a network that would not fit in memory, before it is made", async () => {
    const expectTooLarge = async (network: string, large: object): Promise<void> => {
      const header = { network, options: { imageChannels: 1, classes: 1, ...large }, layout: "hidiff" };
      const bytes = encodeSafetensors(state, { "hidiff-weights": JSON.stringify(header) });
      await expect(importBytes("i.safetensors", bytes, {})).rejects.toMatchObject({ code: "weights.options", message: expect.stringMatching(/has far more: .*"imageChannels":1/) });
    };
    await expectTooLarge("unet", { baseWidth: 100_000 });
    await expectTooLarge("transunet", { mlpSize: 10_000_000 });
    // What no array holds tells nothing.
    const empty = new Map([["inc.double_conv.0.weight", { shape: [100_000, 1, 0, 3], data: new Float32Array(0) }]]);
    await expect(importBytes("j.safetensors", encodeSafetensors(empty), { as: "unet" })).rejects.toMatchObject({ code: "weights.names" });
  });

  it("names that are long, or none", async () => {
    await expectError("k", new Map([["", { shape: [0], data: new Float32Array(0) }]]), { as: "unet" }, "weights.names", /has 1 array, such as one without a name\.$/);
    await expectError("l", new Map([["a".repeat(500), { shape: [0], data: new Float32Array(0) }]]), { as: "unet" }, "weights.names", /such as a{100}…\.$/);
  });

  it("several networks in a file", async () => {
    const both = new Map([...state].flatMap(([name, value]) => ["model.", "ema."].map((prefix) => [prefix + name, value] as const)));
    await expectError("f", both, { as: "unet" }, "weights.prefix", /2 networks like unet: .*one of "model\.", "ema\."/);
    await expectError("f", both, { as: "unet", prefix: "ema" }, "weights.prefix", /no unet under the prefix "ema", but under "model\.", "ema\."/);
    const { module, report } = await importBytes("f.safetensors", encodeSafetensors(both), { as: "unet", prefix: "ema." });
    expect(report).toMatchObject({ prefix: "ema.", matched: state.size });
    expect(report.ignored).toHaveLength(state.size);
    module.dispose();
  });

  it("options that no shape tells", async () => {
    const fixture = await readFixture("transunet/fixtures/transunet.json");
    await expectError("g", publishedState(fixture), { as: "transunet" }, "weights.options", /do not tell imageChannels and heads/);
  });
});

describe("a training's initial weights", () => {
  const architecture = tinyArchitecture();
  const path = (name: string): string => join(folder, name);

  it("come from files of either layout, and from a bundle's networks", () =>
    noLeak(async () => {
      const [trained, fresh] = [1, 2].map((seed) => new HybridModel(architecture, new Generator(seed))) as [HybridModel, HybridModel];
      const options = { imageChannels: 1, classes: 1, ...architecture.segmentor.options };
      await writeNetwork(path("s.safetensors"), trained.segmentor, { network: "unet", options, layout: "hidiff" });
      await writeNetwork(path("r.safetensors"), trained.refiner, { network: "hidiff-refiner", options: { ...trained.refiner.options }, layout: "pytorch" });
      await loadInitialWeights(fresh, { segmentor: path("s.safetensors"), refiner: path("r.safetensors") });
      expect(bytesOf(fresh.segmentor).equals(bytesOf(trained.segmentor))).toBe(true);
      expect(bytesOf(fresh.refiner).equals(bytesOf(trained.refiner))).toBe(true);

      const other = new HybridModel(architecture, new Generator(3));
      await writeFile(path("bundled.safetensors"), encodeSafetensors(trained.segmentor.stateDict(), { network: "segmentor" }));
      await loadInitialWeights(other, { segmentor: path("bundled.safetensors") });
      expect(bytesOf(other.segmentor).equals(bytesOf(trained.segmentor))).toBe(true);
      expect(bytesOf(other.refiner).equals(bytesOf(trained.refiner))).toBe(false);
      for (const model of [trained, fresh, other]) model.dispose();
    }));

  it("must be of the configuration's network", () =>
    noLeak(async () => {
      const model = new HybridModel(architecture, new Generator(1));
      const before = bytesOf(model.segmentor);
      const expectError = async (header: { network: string; options: object } | undefined, code: string, message: RegExp): Promise<void> => {
        const metadata: Record<string, string> = header === undefined ? {} : { "hidiff-weights": JSON.stringify({ ...header, layout: "hidiff" }) };
        await writeFile(path("w.safetensors"), encodeSafetensors(new Map(), metadata));
        await expect(loadInitialWeights(model, { segmentor: path("w.safetensors") })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      };
      await expectError(undefined, "weights.header", /hidiff import .*w\.safetensors --as unet/);
      await expectError({ network: "transunet", options: {} }, "weights.options", /transunet instead of unet/);
      await expectError({ network: "unet", options: { depth: 4 } }, "weights.options", /depth is 4 there and 2 here/);
      await expectError({ network: "unet", options: {} }, "weights.missing", /lacks/);
      expect(bytesOf(model.segmentor).equals(before)).toBe(true);
      model.dispose();
    }));
});

const python = withPyTorch();

describe.skipIf(python === undefined)("with files that PyTorch wrote (skipped where it cannot be imported)", () => {
  const scripts = fileURLToPath(new URL("../../../../scripts/pytorch", import.meta.url));
  interface StateDict {
    readonly file: string;
    readonly network: "unet" | "transunet";
    readonly inputShape: Shape;
    readonly logits: string;
  }
  let states: StateDict[] = [];
  let logits: ReadonlyMap<string, HostTensor>;

  function run(script: string, ...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(python!, [join(scripts, script), ...args], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  beforeAll(async () => {
    run("make_state_dicts.py", folder);
    states = JSON.parse(await readFile(join(folder, "state-dicts.json"), "utf8")) as StateDict[];
    logits = decodeSafetensors(await readFile(join(folder, "logits.safetensors")), "logits").tensors as ReadonlyMap<string, HostTensor>;
  });

  it("computes the logits that PyTorch computes from each of them", async () => {
    expect(states).toHaveLength(10);
    for (const { file, network, inputShape, logits: key } of states) {
      const options = network === "transunet" ? { heads: 4, imageChannels: 1 } : {};
      const { module } = await importFile(join(folder, file), { as: network, options });
      expect(logitsOf(module, inputShape), file).toBeAllClose(logits.get(key)!.data, float);
      module.dispose();
    }
  });

  it("PyTorch loads what was exported, strictly, and computes the same", async () => {
    for (const network of ["unet", "transunet"] as const) {
      const entry = states.find((state) => state.network === network)!;
      const options = network === "transunet" ? { heads: 4, imageChannels: 1 } : {};
      const { module, header } = await importFile(join(folder, entry.file), { as: network, options });
      const [weights, output] = [join(folder, "for-pytorch.safetensors"), join(folder, "computed.safetensors")];
      await writeNetwork(weights, module, { ...header, layout: "pytorch" });
      module.dispose();
      run("load_exported.py", network, weights, output);
      const computed = decodeSafetensors(await readFile(output), output).tensors.get("logits")!;
      expect(Array.from(computed.data)).toEqual(Array.from(logits.get(entry.logits)!.data));
    }
  });
});
