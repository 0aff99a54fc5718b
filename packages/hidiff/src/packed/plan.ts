import { call, type KernelCall } from "@hidiff/binary-nn/packed";
import type { PackedArchitecture } from "./compiled-refiner.ts";
import { type Constants, paddedChannels } from "./constants.ts";
import { CrossTransformerPlan } from "./cross-transformer-plan.ts";
import { block, down } from "./layer-plans.ts";
import { PlanMemory, type SignedMap } from "./plan-memory.ts";
import { conditionImageCalls, type ConditionState, conditionState, conditionStepCalls, groupsOf } from "./residual-block-plan.ts";

/** What an image keeps for all steps. */
export interface ImageState {
  /** Image and prior, `[height][width][channels]`, padded. */
  readonly input: number;
  /** The stem without the mask. */
  readonly base: number;
  readonly conditions: readonly ConditionState[];
}

const featureLevels = [0, 1, 2, 3] as const;
/** Channels, as multiples of the base width, of stages 1 to 5, behind them, and of the conditions. */
const stageWidths = [1, 1, 2, 2, 4] as const;
const downWidths = [1, 2, 2, 4, 4] as const;
const conditionWidths = [2, 2, 4, 4] as const;

interface PlanOptions {
  /** Reserves memory for good and returns its address. */
  readonly allocate: (bytes: number) => number;
  readonly constants: Constants;
  readonly architecture: PackedArchitecture;
  readonly height: number;
  readonly width: number;
  /** Whether every buffer keeps its content, for tests. */
  readonly keepsAll: boolean;
}

/**
 * The refiner for one image size: where its maps lie, and which kernels run, in which order. (HiDiff §III-C; the table of
 * stages is its Fig. 3.)
 */
export class Plan {
  readonly memory: PlanMemory;
  /** The latent mask, float, `[height][width][classes]`. */
  readonly mask: number;
  /** The network's output, `[height][width][classes]`. */
  readonly output: number;
  readonly #architecture: PackedArchitecture;
  readonly #height: number;
  readonly #width: number;
  /** The stem's output and the conditions' maps: what the programs hand each other. */
  readonly #stem: SignedMap;
  readonly #conditions: readonly SignedMap[];
  readonly #crossTransformer: CrossTransformerPlan | undefined;

  constructor({ architecture, height, width, ...memory }: PlanOptions) {
    this.memory = new PlanMemory(memory);
    this.#architecture = architecture;
    this.#height = height;
    this.#width = width;
    const { classes, baseWidth, crossTransformer, tokenOrder } = architecture;
    this.mask = this.memory.allocate(4 * height * width * classes);
    this.output = this.memory.allocate(4 * height * width * classes);
    this.#stem = this.memory.newMap(height, width, baseWidth);
    this.#conditions = this.conditionLevels().map((level) => this.memory.newMap(...this.sizeAt(level + 2), conditionWidths[level] * baseWidth));
    const [tokenHeight, tokenWidth] = this.sizeAt(5);
    this.#crossTransformer = crossTransformer
      ? new CrossTransformerPlan(this.memory, { height: tokenHeight, width: tokenWidth, channels: 4 * baseWidth, tokenOrder })
      : undefined;
  }

  /** Memory for what an image keeps. */
  imageState(): ImageState {
    const { imageChannels, classes, baseWidth, featureChannels } = this.#architecture;
    const pixels = this.#height * this.#width;
    return {
      input: this.memory.allocate(4 * pixels * paddedChannels(imageChannels + classes)),
      base: this.memory.allocate(4 * pixels * baseWidth),
      conditions: this.conditionLevels().map((level) => {
        const [height, width] = this.sizeAt(level + 2);
        const name = level === 3 ? "crossTransformer.condition" : `concat${level + 3}.condition`;
        return conditionState(this.memory, { name, height, width, channels: conditionWidths[level] * baseWidth, featureChannels: featureChannels[level] });
      }),
    };
  }

  /** What depends on the image alone. */
  imageCalls({ input, base, conditions }: ImageState): KernelCall[] {
    const { imageChannels, classes, baseWidth } = this.#architecture;
    const channels = imageChannels + 2 * classes;
    const weights = this.memory.constants.convolution("stem.weight", channels, baseWidth, [[0, imageChannels], [imageChannels + classes, channels]]);
    return [
      call("floatConvolution", this.#height, {
        height: this.#height,
        width: this.#width,
        inChannels: paddedChannels(imageChannels + classes),
        outChannels: baseWidth,
        input,
        weights,
        bias: this.memory.constants.vector("stem.bias", baseWidth),
        output: base,
      }),
      ...conditions.flatMap((condition) => conditionImageCalls(this.memory, condition)),
    ];
  }

  /** What depends on image and step. */
  conditionCalls({ conditions }: ImageState, step: number): KernelCall[] {
    return conditions.flatMap((condition, level) => {
      const output = this.#conditions[level]!;
      const { channels } = condition;
      // A condition's signs are those of its concat block's second half; the cross-transformer takes its own later.
      const threshold = level < 3 ? this.memory.threshold(`concat${level + 3}`, step, 2 * channels, channels) : 0;
      const calls = conditionStepCalls(this.memory, condition, step, output, threshold);
      return level < 3 ? calls : [...calls, ...this.#crossTransformer!.conditionCalls(output, step)];
    });
  }

  /** The stem: image, mask and step. */
  stemCalls({ base }: ImageState, step: number): KernelCall[] {
    const { imageChannels, classes, baseWidth } = this.#architecture;
    const [height, width, nibbles] = [this.#height, this.#width, Math.ceil(classes / 4)];
    const mask = this.memory.acquire(height * width * nibbles);
    this.memory.release(mask);
    const tables = this.memory.constants.maskTables("stem.weight", imageChannels + 2 * classes, baseWidth, [imageChannels, imageChannels + classes]);
    const signs = { thresholdA: this.memory.threshold("encoder1", step, baseWidth), bitsA: this.#stem.bits };
    return [
      call("packMask", height, { width, classes, input: this.mask, output: mask }),
      call("stem", height, { height, width, channels: baseWidth, mask, nibbles, tables, base, output: this.#stem.floats, ...signs }),
    ];
  }

  /** Everything else of a step. */
  mainCalls(step: number): KernelCall[] {
    const { baseWidth } = this.#architecture;
    const calls: KernelCall[] = [];
    const add = <T extends { readonly call: KernelCall }>(layer: T): T => {
      calls.push(layer.call);
      return layer;
    };
    const skips: SignedMap[] = [];
    let hidden = this.#stem;
    for (const stage of [1, 2, 3, 4, 5]) {
      const channels = stageWidths[stage - 1]! * baseWidth;
      const takesFeature = stage > 2;
      // A skip's signs are those of the decoder's second half, where the joined maps are binarized.
      const skipThreshold = this.memory.threshold(`decoder${stage}`, step, 2 * channels, channels);
      const downThreshold = this.memory.threshold(`down${stage}`, step, channels);
      const concatThreshold = takesFeature ? this.memory.threshold(`concat${stage}`, step, 2 * channels) : 0;
      let layer = add(block(this.memory, `encoder${stage}`, step, [hidden], takesFeature ? [concatThreshold] : [downThreshold, skipThreshold]));
      if (hidden !== this.#stem) this.memory.releaseMaps(hidden);
      if (takesFeature) {
        const encoded = layer.output;
        layer = add(block(this.memory, `concat${stage}`, step, [encoded, this.#conditions[stage - 3]!], [downThreshold, skipThreshold]));
        this.memory.releaseMaps(encoded);
      }
      const { output: joined, secondBits } = layer;
      skips.push({ ...joined, bits: secondBits });
      const downChannels = downWidths[stage - 1]! * baseWidth;
      const next = stage < 5 ? `encoder${stage + 1}` : "middle1";
      hidden = add(down(this.memory, `down${stage}`, step, joined, downChannels, this.memory.threshold(next, step, downChannels))).output;
      this.memory.release(joined.bits);
    }
    const width = 4 * baseWidth;
    const before = hidden;
    hidden = add(block(this.memory, "middle1", step, [before], this.#crossTransformer ? [] : [this.memory.threshold("middle2", step, width)])).output;
    this.memory.releaseMaps(before);
    if (this.#crossTransformer) {
      const crossed = this.#crossTransformer.calls(hidden, this.#conditions[3]!, step);
      calls.push(...crossed.calls);
      this.memory.releaseMaps(hidden);
      hidden = crossed.output;
    }
    const middle = hidden;
    hidden = add(block(this.memory, "middle2", step, [middle], [this.memory.threshold("up5", step, width)])).output;
    this.memory.releaseMaps(middle);
    for (const stage of [5, 4, 3, 2, 1]) {
      const channels = stageWidths[stage - 1]! * baseWidth;
      const up = add(block(this.memory, `up${stage}`, step, [hidden], [this.memory.threshold(`decoder${stage}`, step, 2 * channels)], channels)).output;
      this.memory.releaseMaps(hidden);
      const skip = skips.pop()!;
      const next = stage > 1 ? [this.memory.threshold(`up${stage - 1}`, step, channels)] : [];
      hidden = add(block(this.memory, `decoder${stage}`, step, [up, skip], next)).output;
      this.memory.releaseMaps(up, skip);
    }
    calls.push(...this.headCalls(hidden));
    this.memory.releaseMaps(hidden);
    return calls;
  }

  private headCalls(input: SignedMap): KernelCall[] {
    const { classes, head } = this.#architecture;
    const { height, width, channels } = input;
    const groups = groupsOf(channels);
    const statistics = this.memory.acquire(16 * height * groups);
    const coefficients = this.memory.acquire(8 * channels);
    const common = { width, channels, groups, perGroup: channels / groups, statistics };
    const calls = [
      call("groupStatistics", height, { ...common, input: input.floats }),
      call("groupCoefficients", 1, {
        ...common,
        rows: height,
        scale: this.memory.constants.vector("headNorm.weight", channels),
        shift: this.memory.constants.vector("headNorm.bias", channels),
        coefficients,
      }),
      call("winogradConvolution", height / 4, {
        height,
        width,
        inChannels: channels,
        outChannels: classes,
        activation: head === "sigmoid" ? 1 : 0,
        input: input.floats,
        coefficients,
        weights: this.memory.constants.winograd("headConvolution.weight", channels, classes),
        bias: this.memory.constants.vector("headConvolution.bias", classes),
        output: this.output,
      }),
    ];
    this.memory.release(statistics, coefficients);
    return calls;
  }

  private conditionLevels(): readonly (0 | 1 | 2 | 3)[] {
    return this.#architecture.crossTransformer ? featureLevels : featureLevels.slice(0, 3);
  }

  private sizeAt(level: number): [height: number, width: number] {
    return [this.#height >> level, this.#width >> level];
  }
}
