import { type BernoulliProcess, createBernoulliProcess, createGaussianProcess, type DiffusionProcess } from "@hidiff/bernoulli-diffusion";
import { add, Generator, type HostTensor, type Mode, sigmoid, type StateDict, tensor, type Tensor4D } from "@hidiff/core-tensor";
import { createSegmentor, type ReadModelFile, type SegmentorModule } from "@hidiff/segmentors";
import type { Architecture } from "../config/schema.ts";
import { registerModelSegmentors } from "../external/register.ts";
import { Refiner, type RefinerInputs, type RefinerOptions } from "../refiner/refiner.ts";

registerModelSegmentors();

/**
 * The two networks and the diffusion process between them, as an {@link Architecture} describes them, with random
 * parameters from `generator`.
 */
export class HybridModel {
  readonly architecture: Architecture;
  readonly segmentor: SegmentorModule;
  readonly process: DiffusionProcess;
  /** What the refiner is made with, whether it is made or not. */
  readonly refinerOptions: Required<RefinerOptions>;
  readonly #logOdds: BernoulliProcess | undefined;
  readonly #makeRefiner: ((options: RefinerOptions) => Refiner) | undefined;
  #refiner: Refiner | undefined;

  /**
   * @param readFile reads the files of a segmentor that is the model of another runtime, when it is opened
   * @param makeRefiner makes the refiner when it is first asked for, or throws; without it, it is made at once, with random
   * parameters
   */
  constructor(
    architecture: Architecture,
    generator: Generator = new Generator(0),
    readFile?: ReadModelFile,
    makeRefiner?: (options: RefinerOptions) => Refiner,
  ) {
    const { imageChannels, classes, segmentor, refiner, diffusion } = architecture;
    const { kind, ...refinerOptions } = refiner;
    this.architecture = architecture;
    const { kernel, schedule, steps, target } = diffusion;
    const addsLogOdds = target === "y0-log-odds";
    if (kernel === "bernoulli") {
      const bernoulli = createBernoulliProcess({ schedule, steps, target: target === "epsilon" ? "epsilon" : "y0" });
      this.process = bernoulli;
      this.#logOdds = addsLogOdds ? bernoulli : undefined;
    } else {
      this.process = createGaussianProcess({ schedule, steps });
    }
    this.segmentor = createSegmentor(segmentor.name, { ...segmentor.options, imageChannels, classes }, generator.split("segmentor"), readFile);
    // The Gaussian kernel's noise is any number; a discriminative refiner estimates probabilities whatever the kernel.
    const estimatesNoise = kernel === "gaussian" && kind === "diffusion";
    const head = estimatesNoise || addsLogOdds ? "linear" : "sigmoid";
    this.refinerOptions = { ...refinerOptions, head, imageChannels, classes, featureChannels: this.segmentor.featureChannels };
    this.#makeRefiner = makeRefiner;
    if (makeRefiner === undefined) this.#refiner = new Refiner(this.refinerOptions, generator.split("refiner"));
  }

  /** @throws HidiffError `bundle.inferenceOnly` for models of bundles that have the refiner in its compiled form alone */
  get refiner(): Refiner {
    this.#refiner ??= this.#makeRefiner!(this.refinerOptions);
    return this.#refiner;
  }

  /** The refiner's estimate by the process's target, `[batch, height, width, classes]`. */
  predict(inputs: RefinerInputs, mode: Mode): Tensor4D {
    return this.estimate(this.refiner.forward(inputs, mode), inputs);
  }

  /** The estimate by the process's target that the refiner's output stands for. */
  estimate(output: Tensor4D, { yt, prior, t }: Pick<RefinerInputs, "yt" | "prior" | "t">): Tensor4D {
    if (this.#logOdds === undefined) return output;
    return sigmoid(add(output, this.#logOdds.logOdds(yt, prior, t))) as Tensor4D;
  }

  /** Frees all parameters. */
  dispose(): void {
    this.segmentor.dispose();
    this.#refiner?.dispose();
  }
}

/** Puts `prefix` before every name. */
export function withPrefix(prefix: string, state: ReadonlyMap<string, HostTensor>): [string, HostTensor][] {
  return [...state].map(([name, value]) => [prefix + name, value]);
}

/** The arrays whose names start with `prefix`, without it. */
export function underPrefix(prefix: string, state: ReadonlyMap<string, HostTensor>): StateDict {
  return new Map([...state].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [])));
}

/** A tensor `[batch, height, width, channels]` of the host's numbers. */
export function mapTensor(data: Float32Array, shape: readonly [number, number, number, number]): Tensor4D {
  return tensor(data, [...shape]) as Tensor4D;
}
