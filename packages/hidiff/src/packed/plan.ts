import { call, type KernelCall } from "@hidiff/binary-nn/packed";
import { BufferPool } from "./buffer-pool.ts";
import type { PackedArchitecture } from "./compiled-refiner.ts";
import { type Constants, paddedChannels } from "./constants.ts";

/** A map in memory: its numbers, and its signs by the threshold of whoever reads it next. */
interface SignedMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly floats: number;
  readonly bits: number;
}

/** Where signs are written, and by which threshold (an address). */
interface Signs {
  readonly threshold: number;
  readonly bits: number;
}

const none: Signs = { threshold: 0, bits: 0 };

interface Layer {
  readonly call: KernelCall;
  readonly output: SignedMap;
}

interface BlockLayer extends Layer {
  /** Signs of the output by the second threshold. */
  readonly secondBits: number;
}

/** What an image's residual block keeps for all steps. */
interface ConditionState {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly featureChannels: number;
  readonly channels: number;
  readonly feature: number;
  readonly hidden: number;
  readonly statistics: number;
  readonly skip: number;
}

/** What an image keeps for all steps. */
export interface ImageState {
  /** Image and prior, `[height][width][channels]`, padded. */
  readonly input: number;
  /** The stem without the mask. */
  readonly base: number;
  readonly conditions: readonly ConditionState[];
}

/** A decision of the network: signs of a map, or of two whose channels follow each other, doubled if `upsampled`. */
interface SignTap {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly upsampled: boolean;
  readonly parts: readonly { readonly bits: number; readonly channels: number }[];
}

/** A float map that tests look at. */
interface FloatTap {
  readonly floats: number;
  readonly length: number;
}

/** Rows of a product, and tokens, that a thread takes at once. */
const rowsPerChunk = 96;
const tokensPerChunk = 16;

const shortcuts = { none: 0, same: 1, pairMean: 2, pool: 3, tile: 4, quadMean: 5 } as const;

const featureLevels = [0, 1, 2, 3] as const;
const heads = 4;
/** Channels, as multiples of the base width, of stages 1 to 5. */
const stageWidths = [1, 1, 2, 2, 4] as const;
const downWidths = [1, 2, 2, 4, 4] as const;

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
  /** The latent mask, float, `[height][width][classes]`. */
  readonly mask: number;
  /** The network's output, `[height][width][classes]`. */
  readonly output: number;
  readonly signTaps: SignTap[] = [];
  readonly floatTaps: Map<string, FloatTap> = new Map<string, FloatTap>();
  readonly #allocate: (bytes: number) => number;
  readonly #constants: Constants;
  readonly #architecture: PackedArchitecture;
  readonly #height: number;
  readonly #width: number;
  readonly #pool: { acquire(bytes: number): number; release(...addresses: readonly number[]): void };
  readonly #maskNibbles: number;
  /** The stem's output, and the conditions' maps: what the programs hand each other. */
  readonly #stem: SignedMap;
  readonly #conditions: readonly SignedMap[];
  readonly #ownCondition: { readonly key: SignedMap; readonly value: SignedMap } | undefined;

  constructor({ allocate, constants, architecture, height, width, keepsAll }: PlanOptions) {
    this.#allocate = allocate;
    this.#constants = constants;
    this.#architecture = architecture;
    this.#height = height;
    this.#width = width;
    this.#pool = keepsAll ? { acquire: allocate, release: () => undefined } : new BufferPool(allocate);
    const { classes, baseWidth, crossTransformer } = architecture;
    this.#maskNibbles = Math.ceil(classes / 4);
    this.mask = allocate(4 * height * width * classes);
    this.output = allocate(4 * height * width * classes);
    this.#stem = this.map(0, baseWidth);
    this.#conditions = this.conditionLevels().map((level) => this.map(level + 2, this.conditionChannels(level)));
    const tokens = (): SignedMap => this.map(5, 4 * baseWidth);
    this.#ownCondition = crossTransformer ? { key: tokens(), value: tokens() } : undefined;
  }

  /** Memory for what an image keeps. */
  imageState(): ImageState {
    const { imageChannels, classes, baseWidth, featureChannels } = this.#architecture;
    const pixels = this.#height * this.#width;
    return {
      input: this.#allocate(4 * pixels * paddedChannels(imageChannels + classes)),
      base: this.#allocate(4 * pixels * baseWidth),
      conditions: this.conditionLevels().map((level) => {
        const [height, width] = this.sizeAt(level + 2);
        const channels = this.conditionChannels(level);
        const bytes = 4 * height * width * channels;
        const feature = this.#allocate(4 * height * width * paddedChannels(featureChannels[level]));
        return {
          name: level === 3 ? "crossTransformer.condition" : `concat${level + 3}.condition`,
          height,
          width,
          channels,
          featureChannels: featureChannels[level],
          feature,
          hidden: this.#allocate(bytes),
          statistics: this.#allocate(16 * height * groupsOf(channels)),
          skip: featureChannels[level] === channels ? feature : this.#allocate(bytes),
        };
      }),
    };
  }

  /** What depends on the image alone. */
  imageCalls({ input, base, conditions }: ImageState): KernelCall[] {
    const { imageChannels, classes, baseWidth } = this.#architecture;
    const channels = imageChannels + 2 * classes;
    const weights = this.#constants.convolution("stem.weight", channels, baseWidth, [[0, imageChannels], [imageChannels + classes, channels]]);
    return [
      call("floatConvolution", this.#height, {
        height: this.#height,
        width: this.#width,
        inChannels: paddedChannels(imageChannels + classes),
        outChannels: baseWidth,
        input,
        weights,
        bias: this.#constants.vector("stem.bias", baseWidth),
        output: base,
      }),
      ...conditions.flatMap((condition) => this.conditionImageCalls(condition)),
    ];
  }

  /** What depends on image and step. */
  conditionCalls({ conditions }: ImageState, step: number): KernelCall[] {
    return conditions.flatMap((condition, index) => {
      const output = this.#conditions[index]!;
      const threshold = this.thresholdOfCondition(condition.name, step, condition.channels);
      const calls = this.conditionStepCalls(condition, step, output, threshold);
      return condition.name.startsWith("concat") ? calls : [...calls, ...this.ownConditionCalls(output, step)];
    });
  }

  /** The stem: image, mask and step. */
  stemCalls({ base }: ImageState, step: number): KernelCall[] {
    const { imageChannels, classes, baseWidth } = this.#architecture;
    const [height, width, nibbles] = [this.#height, this.#width, this.#maskNibbles];
    const mask = this.#pool.acquire(height * width * nibbles);
    this.#pool.release(mask);
    const tables = this.#constants.maskTables("stem.weight", imageChannels + 2 * classes, baseWidth, [imageChannels, imageChannels + classes]);
    const signs = { thresholdA: this.threshold("encoder1", step, baseWidth), bitsA: this.#stem.bits };
    return [
      call("packMask", height, { width, classes, input: this.mask, output: mask }),
      call("stem", height, { height, width, channels: baseWidth, mask, nibbles, tables, base, output: this.#stem.floats, ...signs }),
    ];
  }

  /** Everything else of a step. */
  mainCalls(step: number): KernelCall[] {
    const { baseWidth, crossTransformer } = this.#architecture;
    const calls: KernelCall[] = [];
    const add = <T extends Layer>(layer: T): T => {
      calls.push(layer.call);
      return layer;
    };
    const skips: SignedMap[] = [];
    let hidden = this.#stem;
    for (const stage of [1, 2, 3, 4, 5]) {
      const channels = stageWidths[stage - 1]! * baseWidth;
      const takesFeature = stage > 2;
      // A skip's signs are those of the decoder's second half, where the joined maps are binarized.
      const skipThreshold = this.threshold(`decoder${stage}`, step, 2 * channels, channels);
      const downThreshold = this.threshold(`down${stage}`, step, channels);
      const concatThreshold = takesFeature ? this.threshold(`concat${stage}`, step, 2 * channels) : 0;
      let layer = add(this.block(`encoder${stage}`, step, [hidden], takesFeature ? [concatThreshold] : [downThreshold, skipThreshold]));
      this.release(hidden);
      if (takesFeature) {
        const encoded = layer.output;
        layer = add(this.block(`concat${stage}`, step, [encoded, this.#conditions[stage - 3]!], [downThreshold, skipThreshold]));
        this.release(encoded);
      }
      const { output: joined, secondBits } = layer;
      skips.push({ ...joined, bits: secondBits });
      const next = stage < 5 ? `encoder${stage + 1}` : "middle1";
      hidden = add(this.down(stage, step, joined, this.threshold(next, step, downWidths[stage - 1]! * baseWidth))).output;
      this.#pool.release(joined.bits);
    }
    const width = 4 * baseWidth;
    const before = hidden;
    hidden = add(this.block("middle1", step, [before], crossTransformer ? [] : [this.threshold("middle2", step, width)])).output;
    this.release(before);
    if (crossTransformer) {
      const crossed = this.crossTransformer(hidden, step);
      calls.push(...crossed.calls);
      this.release(hidden);
      hidden = crossed.output;
    }
    const middle = hidden;
    hidden = add(this.block("middle2", step, [middle], [this.threshold("up5", step, width)])).output;
    this.release(middle);
    for (const stage of [5, 4, 3, 2, 1]) {
      const channels = stageWidths[stage - 1]! * baseWidth;
      const up = add(this.block(`up${stage}`, step, [hidden], [this.threshold(`decoder${stage}`, step, 2 * channels)], channels)).output;
      this.release(hidden);
      const skip = skips.pop()!;
      const next = stage > 1 ? [this.threshold(`up${stage - 1}`, step, channels)] : [];
      hidden = add(this.block(`decoder${stage}`, step, [up, skip], next)).output;
      this.release(up, skip);
    }
    calls.push(...this.headCalls(hidden));
    this.release(hidden);
    return calls;
  }

  private headCalls(input: SignedMap): KernelCall[] {
    const { classes, head } = this.#architecture;
    const { height, width, channels } = input;
    const groups = groupsOf(channels);
    const statistics = this.#pool.acquire(16 * height * groups);
    const coefficients = this.#pool.acquire(8 * channels);
    const common = { width, channels, groups, perGroup: channels / groups, statistics };
    const calls = [
      call("groupStatistics", height, { ...common, input: input.floats }),
      call("groupCoefficients", 1, {
        ...common,
        rows: height,
        scale: this.#constants.vector("headNorm.weight", channels),
        shift: this.#constants.vector("headNorm.bias", channels),
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
        weights: this.#constants.winograd("headConvolution.weight", channels, classes),
        bias: this.#constants.vector("headConvolution.bias", classes),
        output: this.output,
      }),
    ];
    this.#pool.release(statistics, coefficients);
    return calls;
  }

  /** A residual block up to its second normalization. */
  private conditionImageCalls(condition: ConditionState): KernelCall[] {
    const { name, height, width, channels, featureChannels, feature, hidden, statistics, skip } = condition;
    const padded = paddedChannels(featureChannels);
    const groups = groupsOf(featureChannels);
    const featureStatistics = this.#pool.acquire(16 * height * groups);
    const coefficients = this.#pool.acquire(8 * padded);
    const common = { width, channels: padded, groups, perGroup: featureChannels / groups, statistics: featureStatistics };
    const ownGroups = groupsOf(channels);
    const calls = [
      call("groupStatistics", height, { ...common, input: feature }),
      call("groupCoefficients", 1, {
        ...common,
        rows: height,
        scale: this.#constants.vector(`${name}.inNorm.weight`, featureChannels),
        shift: this.#constants.vector(`${name}.inNorm.bias`, featureChannels),
        coefficients,
      }),
      ...this.winograd({ condition, part: "inConvolution", inChannels: featureChannels, input: feature, coefficients, residual: 0, output: hidden, signs: none }),
      call("groupStatistics", height, { width, channels, groups: ownGroups, perGroup: channels / ownGroups, input: hidden, statistics }),
    ];
    if (featureChannels !== channels) {
      const rows = height * width;
      calls.push(
        call("matrixProduct", Math.ceil(rows / rowsPerChunk), {
          rows,
          planeRows: rows,
          depth: padded,
          columns: channels,
          rowsPerChunk,
          input: feature,
          weights: this.#constants.matrix(`${name}.skip.weight`, featureChannels, channels),
          bias: this.#constants.vector(`${name}.skip.bias`, channels),
          output: skip,
        }),
      );
    }
    this.#pool.release(featureStatistics, coefficients);
    return calls;
  }

  /** A residual block from its second normalization on. */
  private conditionStepCalls(condition: ConditionState, step: number, output: SignedMap, threshold: number): KernelCall[] {
    const { name, height, width, channels, hidden, statistics, skip } = condition;
    const groups = groupsOf(channels);
    const coefficients = this.#pool.acquire(8 * channels);
    const signs = threshold === 0 ? none : { threshold, bits: output.bits };
    const calls = [
      call("groupCoefficients", 1, {
        rows: height,
        width,
        channels,
        groups,
        perGroup: channels / groups,
        statistics,
        scale: this.#constants.row(`${name}.outNorm.factor`, step, channels),
        shift: this.#constants.row(`${name}.outNorm.offset`, step, channels),
        coefficients,
      }),
      ...this.winograd({ condition, part: "outConvolution", inChannels: channels, input: hidden, coefficients, residual: skip, output: output.floats, signs }),
    ];
    this.floatTap(name, output);
    this.#pool.release(coefficients);
    return calls;
  }

  private winograd(options: {
    readonly condition: ConditionState;
    readonly part: string;
    readonly inChannels: number;
    readonly input: number;
    readonly coefficients: number;
    readonly residual: number;
    readonly output: number;
    readonly signs: Signs;
  }): KernelCall[] {
    const { condition, part, inChannels, input, coefficients, residual, output, signs } = options;
    const { name, height, width, channels } = condition;
    const padded = paddedChannels(inChannels);
    const tileRows = Math.ceil(height / 2);
    const tiles = tileRows * Math.ceil(width / 2);
    const planeRows = tiles + 1; // see the kernel
    const transformed = this.#pool.acquire(64 * planeRows * padded);
    const products = this.#pool.acquire(64 * planeRows * channels);
    this.#pool.release(transformed, products);
    return [
      call("winogradInput", Math.ceil(tileRows / 2), { height, width, channels: padded, planeRows, input, coefficients, output: transformed }),
      call("matrixProduct", 16 * Math.ceil(tiles / rowsPerChunk), {
        rows: tiles,
        planeRows,
        depth: padded,
        columns: channels,
        rowsPerChunk,
        input: transformed,
        weights: this.#constants.winograd(`${name}.${part}.weight`, inChannels, channels),
        bias: 0,
        output: products,
      }),
      call("winogradOutput", tileRows, {
        height,
        width,
        channels,
        planeRows,
        input: products,
        bias: this.#constants.vector(`${name}.${part}.bias`, channels),
        residual,
        output,
        thresholdA: signs.threshold,
        bitsA: signs.bits,
      }),
    ];
  }

  /** A basic block on one map or on two joined ones; with one of half the size, an up block. */
  private block(name: string, step: number, inputs: readonly SignedMap[], thresholds: readonly number[], outChannels?: number): BlockLayer {
    const [first, second] = inputs as [SignedMap, SignedMap | undefined];
    const upsampled = outChannels === undefined ? 0 : 1;
    const inChannels = first.channels + (second?.channels ?? 0);
    const channels = outChannels ?? first.channels;
    const [height, width] = [first.height << upsampled, first.width << upsampled];
    this.signTap(name, first, upsampled === 1, inputs);
    const output = this.newMap(height, width, channels, thresholds.length > 0);
    const secondBits = thresholds.length > 1 ? this.#pool.acquire((height * width * channels) / 4) : 0;
    this.floatTap(name, output);
    return {
      output,
      secondBits,
      call: call("binaryConvolution", height, {
        height,
        width,
        outChannels: channels,
        kernelSize: 3,
        stride: 1,
        upsampled,
        inHeight: first.height,
        inWidth: first.width,
        bits1: first.bits,
        nibbles1: first.channels / 4,
        bits2: second?.bits ?? 0,
        nibbles2: (second?.channels ?? 0) / 4,
        ...this.unit(name, step, inChannels, channels, 3),
        shortcut: inChannels === channels ? shortcuts.same : shortcuts.pairMean,
        shortcut1: first.floats,
        shortcutChannels1: first.channels,
        shortcut2: second?.floats ?? 0,
        shortcutChannels2: second?.channels ?? 0,
        output: output.floats,
        thresholdA: thresholds[0] ?? 0,
        bitsA: thresholds.length > 0 ? output.bits : 0,
        thresholdB: thresholds[1] ?? 0,
        bitsB: secondBits,
      }),
    };
  }

  private down(stage: number, step: number, input: SignedMap, threshold: number): Layer {
    const name = `down${stage}`;
    const channels = downWidths[stage - 1]! * this.#architecture.baseWidth;
    const [height, width] = [input.height / 2, input.width / 2];
    this.signTap(name, input, false, [input]);
    const output = this.newMap(height, width, channels, true);
    this.floatTap(name, output);
    return {
      output,
      call: call("binaryConvolution", height, {
        height,
        width,
        outChannels: channels,
        kernelSize: 3,
        stride: 2,
        upsampled: 0,
        inHeight: input.height,
        inWidth: input.width,
        bits1: input.bits,
        nibbles1: input.channels / 4,
        bits2: 0,
        nibbles2: 0,
        ...this.unit(name, step, input.channels, channels, 3),
        shortcut: shortcuts.pool,
        shortcut1: input.floats,
        shortcutChannels1: input.channels,
        shortcut2: 0,
        shortcutChannels2: 0,
        output: output.floats,
        thresholdA: threshold,
        bitsA: output.bits,
        thresholdB: 0,
        bitsB: 0,
      }),
    };
  }

  /** `TA(BN(BLinear(signs)) + shortcut)` on tokens. */
  private dense(
    name: string,
    step: number,
    bits: number,
    inChannels: number,
    shortcut: { readonly kind: "same" | "tile" | "quadMean"; readonly floats: number; readonly channels: number },
    output: SignedMap,
    threshold: number,
  ): KernelCall {
    const { height, width, channels } = output;
    this.signTap(name, output, false, [{ bits, channels: inChannels }]);
    return call("binaryConvolution", height, {
      height,
      width,
      outChannels: channels,
      kernelSize: 1,
      stride: 1,
      upsampled: 0,
      inHeight: height,
      inWidth: width,
      bits1: bits,
      nibbles1: inChannels / 4,
      bits2: 0,
      nibbles2: 0,
      ...this.unit(name, step, inChannels, channels, 1),
      shortcut: shortcuts[shortcut.kind],
      shortcut1: shortcut.floats,
      shortcutChannels1: shortcut.channels,
      shortcut2: 0,
      shortcutChannels2: 0,
      output: output.floats,
      thresholdA: threshold,
      bitsA: threshold === 0 ? 0 : output.bits,
      thresholdB: 0,
      bitsB: 0,
    });
  }

  /** Weights and tables of a binary product and its activation. */
  private unit(name: string, step: number, inChannels: number, channels: number, kernelSize: 1 | 3): Record<"weights" | "scale" | "bias" | "slope" | "after", number> {
    return {
      weights: this.#constants.binaryWeights(`${name}.weight`, inChannels, channels, kernelSize),
      scale: this.#constants.vector(`${name}.factor`, channels),
      bias: this.#constants.row(`${name}.offset`, step, channels),
      slope: this.#constants.vector(`${name}.slope`, channels),
      after: this.#constants.row(`${name}.after`, step, channels),
    };
  }

  /** An affine map per channel on tokens, and up to three kinds of signs of the result. */
  private affine(
    input: SignedMap,
    { factor, offset }: { readonly factor: number; readonly offset: number },
    { output, residual = 0, signs = [] }: { readonly output: number; readonly residual?: number; readonly signs?: readonly Signs[] },
  ): KernelCall {
    const tokens = input.height * input.width;
    const [a, b, c] = [signs[0] ?? none, signs[1] ?? none, signs[2] ?? none];
    return call("affine", Math.ceil(tokens / tokensPerChunk), {
      tokens,
      channels: input.channels,
      tokensPerChunk,
      input: input.floats,
      scale: factor,
      bias: offset,
      residual,
      output,
      thresholdA: a.threshold,
      bitsA: a.bits,
      thresholdB: b.threshold,
      bitsB: b.bits,
      thresholdC: c.threshold,
      bitsC: c.bits,
    });
  }

  private batchNorm(name: string, channels: number): { factor: number; offset: number } {
    return { factor: this.#constants.vector(`${name}.factor`, channels), offset: this.#constants.vector(`${name}.offset`, channels) };
  }

  /** Key and value of the first cross-transformer block: they come from the condition alone. */
  private ownConditionCalls(condition: SignedMap, step: number): KernelCall[] {
    const normalized = this.newTokens();
    const calls = this.projections("crossTransformer.block1", step, normalized, this.#ownCondition!, (signs) =>
      this.affine(condition, this.batchNorm("crossTransformer.conditionNorm1", condition.channels), { output: normalized.floats, signs }),
    );
    this.release(normalized);
    return calls;
  }

  /** Projects normalized tokens, which `normalize` writes with the signs that are asked for, to maps by name. */
  private projections(
    block: string,
    step: number,
    normalized: SignedMap,
    outputs: Readonly<Record<string, SignedMap>>,
    normalize: (signs: readonly Signs[]) => KernelCall,
  ): KernelCall[] {
    const { channels } = normalized;
    const names = Object.keys(outputs);
    const bits = names.map(() => this.#pool.acquire((normalized.height * normalized.width * channels) / 4));
    const calls = [
      normalize(names.map((name, index) => ({ threshold: this.threshold(`${block}.${name}.unit`, step, channels), bits: bits[index]! }))),
      ...names.map((name, index) =>
        this.dense(
          `${block}.${name}.unit`,
          step,
          bits[index]!,
          channels,
          { kind: "same", floats: normalized.floats, channels },
          outputs[name]!,
          this.threshold(`${block}.${name}`, step, channels),
        ),
      ),
    ];
    for (const name of names) this.signTap(`${block}.${name}`, outputs[name]!, false, [outputs[name]!]);
    this.#pool.release(...bits);
    return calls;
  }

  /** BX-Former without what the condition alone determines. */
  private crossTransformer(own: SignedMap, step: number): { calls: KernelCall[]; output: SignedMap } {
    const { tokenOrder } = this.#architecture;
    const { channels } = own;
    const prefix = "crossTransformer";
    const condition = this.#conditions[3]!;

    const normalized = this.newTokens();
    const query1 = this.newTokens();
    const calls = this.projections(`${prefix}.block1`, step, normalized, { query: query1 }, (signs) =>
      this.affine(own, this.batchNorm(`${prefix}.embeddingNorm1`, channels), { output: normalized.floats, signs }),
    );
    const enriched = this.newTokens();
    calls.push(...this.attend(`${prefix}.block1`, step, { query: query1, ...this.#ownCondition! }, condition, enriched));
    this.release(query1);

    const queryInput = this.newTokens();
    const query2 = this.newTokens();
    calls.push(
      ...this.projections(`${prefix}.block2`, step, queryInput, { query: query2 }, (signs) =>
        this.affine(enriched, this.batchNorm(`${prefix}.conditionNorm2`, channels), { output: queryInput.floats, signs }),
      ),
    );
    this.release(queryInput);
    // Key and value are normalized twice, as published.
    const twice = this.newTokens();
    const [key, value] = [this.newTokens(), this.newTokens()];
    calls.push(
      ...this.projections(`${prefix}.block2`, step, twice, { key, value }, (signs) =>
        this.affine(normalized, this.batchNorm(`${prefix}.embeddingNorm2`, channels), { output: twice.floats, signs }),
      ),
    );
    this.release(twice, normalized, enriched);
    let output = this.newTokens();
    calls.push(...this.attend(`${prefix}.block2`, step, { query: query2, key, value }, own, output));
    this.release(query2, key, value);

    if (tokenOrder === "published") {
      const scrambled = this.newTokens();
      const tokens = own.height * own.width;
      calls.push(call("reinterpret", tokens, { tokens, channels, input: output.floats, output: scrambled.floats }));
      this.release(output);
      output = scrambled;
    }
    const identity = { factor: this.#constants.filled(1, channels), offset: this.#constants.filled(0, channels) };
    calls.push(this.affine(output, identity, { output: 0, signs: [{ threshold: this.threshold("middle2", step, channels), bits: output.bits }] }));
    this.floatTap(prefix, output);
    return { calls, output };
  }

  /** A cross-transformer block from its attention on. */
  private attend(
    block: string,
    step: number,
    { query, key, value }: Readonly<Record<"query" | "key" | "value", SignedMap>>,
    residual: SignedMap,
    output: SignedMap,
  ): KernelCall[] {
    const { height, width, channels } = query;
    const tokens = height * width;
    const mixed = this.newTokens();
    const dense = this.newTokens();
    const base = this.newTokens();
    const normalized = this.newTokens();
    const contracted = this.newTokens();
    const expanded = this.newMap(height, width, 4 * channels, true);
    const feedForward = `${block}.feedForward`;
    const perStep = (name: string, length = channels): { factor: number; offset: number } => ({
      factor: this.#constants.row(`${name}.factor`, step, length),
      offset: this.#constants.row(`${name}.offset`, step, length),
    });
    const scales = perStep(`${feedForward}.scales`, 5 * channels);
    const calls = [
      call("attention", tokens, {
        tokens,
        channels,
        heads,
        queryBits: query.bits,
        keyBits: key.bits,
        valueBits: value.bits,
        query: query.floats,
        key: key.floats,
        value: value.floats,
        scale: this.#constants.vector(`${block}.context.factor`, channels),
        bias: this.#constants.row(`${block}.context.offset`, step, channels),
        slope: this.#constants.vector(`${block}.context.slope`, channels),
        after: this.#constants.row(`${block}.context.after`, step, channels),
        output: mixed.floats,
        thresholdA: this.threshold(`${block}.output`, step, channels),
        bitsA: mixed.bits,
      }),
      this.dense(`${block}.output`, step, mixed.bits, channels, { kind: "same", floats: mixed.floats, channels }, dense, 0),
      this.affine(dense, perStep(`${block}.outputScale`), { output: base.floats, residual: residual.floats }),
      this.affine(base, this.batchNorm(`${feedForward}.norm`, channels), {
        output: normalized.floats,
        signs: [{ threshold: this.threshold(`${feedForward}.expansion`, step, channels), bits: normalized.bits }],
      }),
      this.dense(
        `${feedForward}.expansion`,
        step,
        normalized.bits,
        channels,
        { kind: "tile", floats: normalized.floats, channels },
        expanded,
        this.threshold(`${feedForward}.contraction`, step, 4 * channels),
      ),
      this.dense(
        `${feedForward}.contraction`,
        step,
        expanded.bits,
        4 * channels,
        { kind: "quadMean", floats: expanded.floats, channels: 4 * channels },
        contracted,
        0,
      ),
      call("feedForwardSum", height, {
        height,
        width,
        channels,
        base: base.floats,
        contracted: contracted.floats,
        normalized: normalized.floats,
        scale: scales.factor,
        bias: scales.offset,
        output: output.floats,
      }),
    ];
    this.floatTap(block, output);
    this.release(mixed, dense, base, normalized, contracted, expanded);
    return calls;
  }

  private threshold(name: string, step: number, channels: number, part = 0): number {
    return this.#constants.row(`${name}.threshold`, step, channels, part);
  }

  /** A condition's signs are those of its concat block's second half; the cross-transformer's are taken later. */
  private thresholdOfCondition(name: string, step: number, channels: number): number {
    return name.startsWith("concat") ? this.threshold(name.slice(0, "concat3".length), step, 2 * channels, channels) : 0;
  }

  private conditionLevels(): readonly (0 | 1 | 2 | 3)[] {
    return this.#architecture.crossTransformer ? featureLevels : featureLevels.slice(0, 3);
  }

  private conditionChannels(level: number): number {
    return [2, 2, 4, 4][level]! * this.#architecture.baseWidth;
  }

  private sizeAt(level: number): [height: number, width: number] {
    return [this.#height >> level, this.#width >> level];
  }

  private map(level: number, channels: number): SignedMap {
    return this.newMap(...this.sizeAt(level), channels, true);
  }

  private newTokens(): SignedMap {
    return this.map(5, 4 * this.#architecture.baseWidth);
  }

  private newMap(height: number, width: number, channels: number, signed: boolean): SignedMap {
    const size = height * width * channels;
    return { height, width, channels, floats: this.#pool.acquire(4 * size), bits: signed ? this.#pool.acquire(size / 4) : 0 };
  }

  private release(...maps: readonly SignedMap[]): void {
    for (const { floats, bits } of maps) {
      if (floats === this.#stem.floats) continue;
      this.#pool.release(floats);
      if (bits !== 0) this.#pool.release(bits);
    }
  }

  private signTap(name: string, { height, width }: SignedMap, upsampled: boolean, parts: SignTap["parts"]): void {
    if (this.signTaps.some((tap) => tap.name === name)) return;
    this.signTaps.push({ name, height, width, upsampled, parts: parts.map(({ bits, channels }) => ({ bits, channels })) });
  }

  private floatTap(name: string, { floats, height, width, channels }: SignedMap): void {
    this.floatTaps.set(name, { floats, length: height * width * channels });
  }
}

/** As core-tensor's GroupNorm: 32 groups, or as many as divide the channels. */
function groupsOf(channels: number): number {
  let [a, b] = [32, channels];
  while (b > 0) [a, b] = [b, a % b];
  return a;
}
