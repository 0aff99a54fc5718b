import { packWeights } from "@hidiff/binary-nn/packed";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { StoredTensor } from "@hidiff/core-tensor/files";
import type { CompiledRefiner, PackedArchitecture } from "./compiled-refiner.ts";

/** An array of a refiner's state. */
interface StateTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** As core-tensor's BatchNorm. */
const batchNormEpsilon = 1e-5;

/**
 * Folds a binary refiner in evaluation mode for some steps. All time shifts become tables per step; running statistics,
 * biases and weight scales become one factor and one offset per channel.
 *
 * @param state of a refiner with binary precision
 * @param steps step indices t, each at most once
 * @throws HidiffError `packed.steps` without steps, or with one twice
 */
export function foldRefiner(state: ReadonlyMap<string, StateTensor>, architecture: PackedArchitecture, steps: readonly number[]): CompiledRefiner {
  if (steps.length === 0 || new Set(steps).size !== steps.length || !steps.every((t) => Number.isInteger(t) && t >= 0)) {
    throw new HidiffError("packed.steps", `compileRefiner: steps must be different whole numbers, at least one, got [${steps.join(", ")}].`);
  }
  return { architecture, steps, tensors: new Folder(state, architecture, steps).fold() };
}

/** An affine map per channel. */
interface Affine {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

class Folder {
  readonly #state: ReadonlyMap<string, StateTensor>;
  readonly #architecture: PackedArchitecture;
  readonly #tensors = new Map<string, StoredTensor>();
  /** SiLU of the time embedding, per step. */
  readonly #embeddings: readonly Float64Array[];

  constructor(state: ReadonlyMap<string, StateTensor>, architecture: PackedArchitecture, steps: readonly number[]) {
    this.#state = state;
    this.#architecture = architecture;
    this.#embeddings = steps.map((t) => this.activatedEmbedding(t));
  }

  fold(): ReadonlyMap<string, StoredTensor> {
    this.floatConvolution("stem");
    for (const stage of [1, 2, 3, 4, 5]) {
      this.block(`encoder${stage}`);
      if (stage > 2) {
        this.residualBlock(`concat${stage}.condition`);
        this.block(`concat${stage}.block`, `concat${stage}`);
      }
      this.downBlock(`down${stage}`);
      this.block(`up${stage}`);
      this.block(`decoder${stage}`);
    }
    this.block("middle1");
    this.block("middle2");
    if (this.#architecture.crossTransformer) this.crossTransformer("crossTransformer");
    this.copy("headNorm.weight");
    this.copy("headNorm.bias");
    this.floatConvolution("headConvolution");
    return this.#tensors;
  }

  private get(name: string): StateTensor {
    const found = this.#state.get(name);
    if (found === undefined) throw new HidiffError("packed.state", `compileRefiner: the refiner's state has no ${name}.`);
    return found;
  }

  private put(name: string, data: ArrayLike<number>, shape: readonly number[] = [data.length]): void {
    this.#tensors.set(name, { shape, data: Float32Array.from(data) });
  }

  /** Puts one row per step. */
  private putPerStep(name: string, rows: readonly ArrayLike<number>[]): void {
    this.put(name, rows.flatMap((row) => Array.from(row)), [rows.length, rows[0]!.length]);
  }

  private copy(name: string): void {
    const { data, shape } = this.get(name);
    this.put(name, data, shape);
  }

  private linear(name: string, input: Float64Array): Float64Array {
    const { data: weight } = this.get(`${name}.weight`);
    const result = Float64Array.from(this.get(`${name}.bias`).data);
    const columns = result.length;
    input.forEach((value, row) => {
      for (let column = 0; column < columns; column++) result[column]! += value * weight[row * columns + column]!;
    });
    return result;
  }

  /** As `TimeEmbedding`, then SiLU. */
  private activatedEmbedding(t: number): Float64Array {
    const half = this.#architecture.baseWidth / 2;
    const sinusoid = Float64Array.from({ length: 2 * half }, (_, index) => {
      const angle = t * Math.exp((-Math.log(10000) * (index % half)) / half);
      return index < half ? Math.cos(angle) : Math.sin(angle);
    });
    return this.linear("timeEmbedding.outer", this.linear("timeEmbedding.inner", sinusoid).map(silu)).map(silu);
  }

  /** A `TimeShift`, per step. */
  private shift(name: string): readonly Float64Array[] {
    return this.#embeddings.map((embedding) => this.linear(`${name}.linear`, embedding));
  }

  /** Signs are `u + shift > 0`, that is `u > threshold`; in floating point, too. */
  private threshold(binarization: string, to: string): void {
    this.putPerStep(to, this.shift(`${binarization}.shift`).map((shift) => shift.map((value) => -value)));
  }

  private batchNorm(name: string): Affine {
    const { data: mean } = this.get(`${name}.runningMean`);
    const { data: variance } = this.get(`${name}.runningVariance`);
    const { data: weight } = this.get(`${name}.weight`);
    const { data: bias } = this.get(`${name}.bias`);
    const factor = Float64Array.from(weight, (value, c) => value / Math.sqrt(variance[c]! + batchNormEpsilon));
    return { factor, offset: Float64Array.from(bias, (value, c) => value - mean[c]! * factor[c]!) };
  }

  private putAffine(name: string, { factor, offset }: Affine): void {
    this.put(`${name}.factor`, factor);
    this.put(`${name}.offset`, offset);
  }

  /** Time activation after an affine map: the shift before it goes into the map's offset. */
  private activation(name: string, to: string, { factor, offset }: Affine): void {
    this.put(`${to}.factor`, factor);
    this.putPerStep(`${to}.offset`, this.shift(`${name}.before`).map((before) => before.map((value, c) => value + offset[c]!)));
    this.put(`${to}.slope`, this.get(`${name}.slope`).data);
    this.putPerStep(`${to}.after`, this.shift(`${name}.after`));
  }

  /** Binary products, their normalization and the activation; `branches` follow each other on the channels. */
  private binaryUnit(to: string, branches: readonly { readonly product: string; readonly norm: string }[], centred: boolean): Affine {
    const parts = branches.map(({ product, norm }) => {
      const { data, shape } = this.get(`${product}.weight`);
      const [inChannels, outChannels] = shape.slice(-2) as [number, number];
      const { packed, scale } = packWeights(data, { inChannels, outChannels, kernelSize: shape.length === 4 ? 3 : 1 }, centred);
      const { data: bias } = this.get(`${product}.bias`);
      const { factor, offset } = this.batchNorm(norm);
      return { packed, factor: factor.map((value, c) => value * scale[c]!), offset: offset.map((value, c) => value + factor[c]! * bias[c]!) };
    });
    const outChannels = parts.reduce((sum, { packed }) => sum + packed.outChannels, 0);
    const bits = concatBytes(parts.map(({ packed }) => packed.bits));
    this.#tensors.set(`${to}.weight`, { shape: [outChannels, bits.length / outChannels], data: bits });
    return { factor: concatNumbers(parts.map(({ factor }) => factor)), offset: concatNumbers(parts.map(({ offset }) => offset)) };
  }

  private block(name: string, to: string = name): void {
    this.threshold(`${name}.binarization`, `${to}.threshold`);
    this.activation(`${name}.activation`, to, this.binaryUnit(to, [{ product: `${name}.convolution`, norm: `${name}.norm` }], false));
  }

  private downBlock(name: string): void {
    this.threshold(`${name}.binarization`, `${name}.threshold`);
    const branches = [0, 1].filter((index) => this.#state.has(`${name}.convolutions.${index}.weight`));
    const affine = this.binaryUnit(name, branches.map((index) => ({ product: `${name}.convolutions.${index}`, norm: `${name}.norms.${index}` })), false);
    this.activation(`${name}.activation`, name, affine);
  }

  private dense(name: string): void {
    this.threshold(`${name}.binarization`, `${name}.threshold`);
    this.activation(`${name}.activation`, name, this.binaryUnit(name, [{ product: `${name}.dense`, norm: `${name}.norm` }], true));
  }

  private layerScales(names: readonly string[], to: string): void {
    for (const [part, shift] of [["factor", "alpha"], ["offset", "move"]] as const) {
      const shifts = names.map((name) => this.shift(`${name}.${shift}`));
      this.putPerStep(`${to}.${part}`, this.#embeddings.map((_, step) => concatNumbers(shifts.map((rows) => rows[step]!))));
    }
  }

  private floatConvolution(name: string): void {
    this.copy(`${name}.weight`);
    this.copy(`${name}.bias`);
  }

  private residualBlock(name: string): void {
    this.copy(`${name}.inNorm.weight`);
    this.copy(`${name}.inNorm.bias`);
    this.floatConvolution(`${name}.inConvolution`);
    // The embedding gives scale and shift, in this order, after the normalization's own.
    const { data: weight } = this.get(`${name}.outNorm.weight`);
    const { data: bias } = this.get(`${name}.outNorm.bias`);
    const channels = weight.length;
    const embedded = this.#embeddings.map((embedding) => this.linear(`${name}.embedding`, embedding));
    this.putPerStep(`${name}.outNorm.factor`, embedded.map((values) => values.subarray(0, channels).map((scale, c) => weight[c]! * (1 + scale))));
    this.putPerStep(`${name}.outNorm.offset`, embedded.map((values) => values.subarray(channels).map((shift, c) => bias[c]! * (1 + values[c]!) + shift)));
    this.floatConvolution(`${name}.outConvolution`);
    if (this.#state.has(`${name}.skip.weight`)) this.floatConvolution(`${name}.skip`);
  }

  private crossTransformer(name: string): void {
    this.residualBlock(`${name}.condition`);
    for (const norm of ["conditionNorm1", "embeddingNorm1", "conditionNorm2", "embeddingNorm2"]) {
      this.putAffine(`${name}.${norm}`, this.batchNorm(`${name}.${norm}`));
    }
    for (const block of [`${name}.block1`, `${name}.block2`]) {
      for (const projection of ["query", "key", "value"]) {
        this.dense(`${block}.${projection}.unit`);
        this.threshold(`${block}.${projection}.binarization`, `${block}.${projection}.threshold`);
      }
      this.activation(`${block}.contextActivation`, `${block}.context`, this.batchNorm(`${block}.contextNorm`));
      this.dense(`${block}.output`);
      this.layerScales([`${block}.outputScale`], `${block}.outputScale`);
      const feedForward = `${block}.feedForward`;
      this.putAffine(`${feedForward}.norm`, this.batchNorm(`${feedForward}.norm`));
      this.dense(`${feedForward}.expansion`);
      this.dense(`${feedForward}.contraction`);
      const scales = ["scale", "pooledHeight3", "pooledHeight5", "pooledWidth3", "pooledWidth5"];
      this.layerScales(scales.map((scale) => `${feedForward}.${scale}`), `${feedForward}.scales`);
    }
  }
}

function silu(value: number): number {
  return value / (1 + Math.exp(-value));
}

function concatNumbers(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => Array.from(part)));
}

function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
