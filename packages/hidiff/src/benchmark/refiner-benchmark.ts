import { Generator, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { encodeSafetensors, type StoredTensor } from "@hidiff/core-tensor/files";
import { prior as priorOf } from "@hidiff/segmentors";
import { parse } from "@hidiff/datasets";
import { type Architecture, inferenceSchema } from "../config/schema.ts";
import { type NetworkImage, segment } from "../inference/segment.ts";
import { HybridModel, mapTensor } from "../model/hybrid-model.ts";
import { encodeCompiledRefiner } from "../packed/compiled-refiner.ts";
import { compileModel } from "../packed/engine.ts";
import { type PackedInputs, PackedRefiner } from "../packed/packed-refiner.ts";
import type { Refiner, RefinerOptions } from "../refiner/refiner.ts";
import {
  chainOperations,
  type CountedOperations,
  countOperations,
  type EngineOperations,
  graphOperations,
  packedOperations,
  type RefinerOperations,
} from "./operations.ts";
import { regionMask } from "./region-mask.ts";
import { interleave, type Spread } from "./timing.ts";

/** The packed engine, and the graph engine with the binary refiner and with its real-valued twin. */
export const refinerEngines = ["packed", "graphBinary", "graphReal"] as const;
export type MeasuredEngine = (typeof refinerEngines)[number];

/** A measured computation beside what it consists of. */
export interface Measurement {
  readonly seconds: Spread;
  /** The refiner's. */
  readonly operations: CountedOperations;
  /** 10⁹ binary multiply-adds per second of the median time. */
  readonly gigaBinaryPerSecond: number;
}

/** A measured computation of one of several engines. */
export interface ComparedMeasurement extends Measurement {
  /** The median as a multiple of the packed engine's. */
  readonly timesPacked: number;
}

export interface StepMeasurements {
  /** The packed engine's work on an image before its first step. The graph engine has none: it does it in every step. */
  readonly preparation: Measurement;
  readonly step: Readonly<Record<MeasuredEngine, ComparedMeasurement>>;
}

interface MeasureOptions {
  /** Called before each round; round 0 is the warm-up. */
  readonly onRound?: (what: MeasuredEngine | "preparation", round: number) => void | Promise<void>;
}

interface RefinerBenchmarkOptions {
  /** Of a binary diffusion refiner. */
  readonly architecture: Architecture;
  /** Side of the square image, a multiple of 32. */
  readonly size: number;
  /** Of the packed engine. Default: its own. */
  readonly threads?: number | undefined;
}

interface StepInputs {
  readonly host: PackedInputs;
  readonly tensors: Readonly<Record<"image" | "prior", Tensor4D>> & { readonly features: readonly [Tensor4D, Tensor4D, Tensor4D, Tensor4D] };
  readonly latentMask: Float32Array;
}

const evaluation = { training: false };

/** The engines side by side on the current backend: a model with random parameters, one image, one chain. */
export class RefinerBenchmark {
  readonly operations: RefinerOperations;
  readonly packed: PackedRefiner;
  readonly #models: Readonly<Record<MeasuredEngine, HybridModel>>;
  readonly #engineOperations: Readonly<Record<MeasuredEngine, EngineOperations>>;
  readonly #image: NetworkImage;
  readonly #inputs: StepInputs;

  private constructor(binary: HybridModel, real: HybridModel, packed: PackedRefiner, size: number) {
    const { imageChannels, classes } = binary.architecture;
    this.packed = packed;
    this.#models = { packed: binary, graphBinary: binary, graphReal: real };
    this.operations = countOperations(binary.refiner.options, { height: size, width: size });
    this.#engineOperations = {
      packed: packedOperations(this.operations),
      graphBinary: graphOperations(this.operations, "binary"),
      graphReal: graphOperations(this.operations, "real"),
    };
    const generator = new Generator("benchmark");
    const data = generator.split("image").uniformArray(size * size * imageChannels, -1, 1);
    this.#image = { height: size, width: size, channels: imageChannels, data };
    this.#inputs = stepInputs(binary, this.#image, regionMask(generator.split("latent mask"), size, classes));
  }

  /** @throws HidiffError `packed.*` if the refiner cannot be compiled */
  static async create({ architecture, size, threads }: RefinerBenchmarkOptions): Promise<RefinerBenchmark> {
    const [binary, real] = (["binary", "real"] as const).map((precision) => {
      const model = new HybridModel({ ...architecture, refiner: { ...architecture.refiner, precision } }, new Generator(0));
      fillZeros(model.refiner);
      return model;
    }) as [HybridModel, HybridModel];
    const packed = await PackedRefiner.create(compileModel(binary), threads === undefined ? {} : { threads });
    return new RefinerBenchmark(binary, real, packed, size);
  }

  /** The binary refiner's. */
  get refinerOptions(): Required<RefinerOptions> {
    return this.#models.packed.refiner.options;
  }

  /** T, the number of steps in a chain. */
  get steps(): number {
    return this.#models.packed.process.steps;
  }

  /** The refiner as files: compiled, and with float parameters. */
  files(): { readonly packed: Uint8Array; readonly float: Uint8Array } {
    return {
      packed: encodeCompiledRefiner(this.packed.compiled),
      float: encodeSafetensors(this.#models.packed.refiner.stateDict() as ReadonlyMap<string, StoredTensor>),
    };
  }

  /** Measures one step with the image prepared, from the latent mask in the host's memory to the estimate there. */
  async measureSteps({ rounds, onRound }: MeasureOptions & { readonly rounds: number }): Promise<StepMeasurements> {
    const { host, latentMask } = this.#inputs;
    let runs = 0;
    // Every run has another t: what depends on image and step is computed anew.
    const nextStep = (): number => runs++ % this.steps;
    const prepare = (): void => void this.packed.prepare(host);
    prepare();
    const { preparation, ...step } = await interleave(
      [
        { name: "preparation", rounds, run: prepare },
        { name: "packed", rounds, run: () => void this.packed.step(latentMask, nextStep()) },
        { name: "graphBinary", rounds, run: () => this.graphStep("graphBinary", nextStep()) },
        { name: "graphReal", rounds, run: () => this.graphStep("graphReal", nextStep()) },
      ],
      { onRound },
    );
    return {
      preparation: measurement(preparation, this.#engineOperations.packed.preparation),
      step: compare(step, (engine) => this.#engineOperations[engine].step),
    };
  }

  /** Measures whole inferences, as `segment` does them: the segmentor, all steps, sampling; one chain. */
  async measureInference({
    rounds,
    onRound,
  }: MeasureOptions & { readonly rounds: Readonly<Record<MeasuredEngine, number>> }): Promise<Record<MeasuredEngine, ComparedMeasurement>> {
    const inference = parse(inferenceSchema, { samples: 1, window: 0 }, "The benchmark's inference");
    const run = async (engine: MeasuredEngine, steps = this.steps): Promise<void> => {
      const packedRefiner = engine === "packed" ? this.packed : undefined;
      await segment(this.#models[engine], this.#image, { ...inference, steps, seed: 1, packedRefiner });
    };
    const times = await interleave(
      refinerEngines.map((name) => ({ name, rounds: rounds[name], run: () => run(name), warmUp: () => run(name, 1) })),
      { onRound },
    );
    return compare(times, (engine) => chainOperations(this.#engineOperations[engine], this.steps));
  }

  dispose(): void {
    this.packed.dispose();
    const { image, prior, features } = this.#inputs.tensors;
    for (const tensor of [image, prior, ...features]) tensor.dispose();
    for (const model of new Set(Object.values(this.#models))) model.dispose();
  }

  private graphStep(engine: "graphBinary" | "graphReal", t: number): void {
    const { tensors, latentMask } = this.#inputs;
    tidy(() => {
      const yt = mapTensor(latentMask, tensors.prior.shape);
      this.#models[engine].refiner.forward({ ...tensors, yt, t: [t] }, evaluation).dataSync();
    });
  }
}

/** Makes noise of what is zero at first, such as the head: products with zeros may be quicker than others. */
function fillZeros(refiner: Refiner): void {
  const generator = new Generator("parameters");
  const state = refiner.stateDict();
  for (const [, { data }] of state) if (data.every((value) => value === 0)) data.set(generator.normalArray(data.length, 0, 0.05));
  refiner.loadStateDict(state);
}

function stepInputs(model: HybridModel, { height, width, channels, data }: NetworkImage, latentMask: Float32Array): StepInputs {
  const tensors = tidy(() => {
    const image = mapTensor(data, [1, height, width, channels]);
    const { logits, features } = model.segmentor.forward(image, evaluation);
    return { image, prior: priorOf(logits), features };
  });
  const features = tensors.features.map((feature) => feature.dataSync()) as unknown as PackedInputs["features"];
  return { host: { height, width, image: data, prior: tensors.prior.dataSync() as Float32Array, features }, tensors, latentMask };
}

function measurement(seconds: Spread, operations: CountedOperations): Measurement {
  return { seconds, operations, gigaBinaryPerSecond: operations.binary / seconds.median / 1e9 };
}

function compare(
  times: Readonly<Record<MeasuredEngine, Spread>>,
  operations: (engine: MeasuredEngine) => CountedOperations,
): Record<MeasuredEngine, ComparedMeasurement> {
  const one = (engine: MeasuredEngine): ComparedMeasurement => ({
    ...measurement(times[engine], operations(engine)),
    timesPacked: times[engine].median / times.packed.median,
  });
  return { packed: one("packed"), graphBinary: one("graphBinary"), graphReal: one("graphReal") };
}
