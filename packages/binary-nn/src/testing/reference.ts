import { conv2d, normalize, slidingMean, softmax } from "../../../core-tensor/src/testing/reference.ts";
import type { Precision } from "../time-shift.ts";

type Values = Float64Array;

/**
 * Makes decisions differentiable for central differences: the first evaluation gets the hard values; later ones, nearby,
 * get hard₀ + smooth − smooth₀, whose derivative is that of the smooth function: the straight-through gradient.
 */
export class StraightThrough {
  readonly #offsets: Values[] = [];
  #next = 0;

  /** Before every evaluation. */
  rewind(): void {
    this.#next = 0;
  }

  pass(hard: Values, smooth: Values): Values {
    this.#offsets[this.#next] ??= hard.map((value, index) => value - smooth[index]!);
    const offset = this.#offsets[this.#next++]!;
    return smooth.map((value, index) => value + offset[index]!);
  }
}

export interface ReferenceSetting {
  readonly precision: Precision;
  readonly training: boolean;
  readonly batch: number;
}

/**
 * The layers as plain float64 loops over row-major arrays, from the method's definitions. Names are state prefixes with
 * their dot; decisions are straight-through.
 */
export class ReferenceLayers {
  readonly #state: ReadonlyMap<string, Values>;
  readonly #setting: ReferenceSetting;
  readonly #embedding: Values;
  readonly #straightThrough: StraightThrough;

  constructor(state: ReadonlyMap<string, Values>, setting: ReferenceSetting, embedding: Values, straightThrough: StraightThrough) {
    this.#state = state;
    this.#setting = setting;
    this.#embedding = embedding;
    this.#straightThrough = straightThrough;
  }

  /** `[batch, channels]` */
  shift(name: string): Values {
    const weight = this.#get(`${name}linear.weight`);
    const bias = this.#get(`${name}linear.bias`);
    const width = this.#embedding.length / this.#setting.batch;
    return Float64Array.from({ length: this.#setting.batch * bias.length }, (_, index) => {
      const [item, channel] = [Math.floor(index / bias.length), index % bias.length];
      let total = bias[channel]!;
      for (let k = 0; k < width; k++) total += this.#embedding[item * width + k]! * weight[k * bias.length + channel]!;
      return total;
    });
  }

  binarization(name: string, input: Values): Values {
    const shifted = this.#perItem(input, this.shift(`${name}shift.`), (value, shift) => value + shift);
    if (this.#setting.precision === "real") return shifted;
    return this.#straightThrough.pass(
      shifted.map((u) => (u > 0 ? 1 : -1)),
      shifted.map((u) => (Math.abs(u) < 1 ? u * (2 - Math.abs(u)) : Math.sign(u))),
    );
  }

  activation(name: string, input: Values): Values {
    const slope = this.#get(`${name}slope`);
    const shifted = this.#perItem(input, this.shift(`${name}before.`), (value, shift) => value + shift);
    const activated = shifted.map((u, index) => (u > 0 ? u : slope[index % slope.length]! * u));
    return this.#perItem(activated, this.shift(`${name}after.`), (value, shift) => value + shift);
  }

  /** The weights that a layer computes with, `[…, outChannels]`. */
  weights(weight: Values, outChannels: number, centred: boolean): Values {
    if (this.#setting.precision === "real") return weight;
    const count = weight.length / outChannels;
    const sums = (values: Values): Values =>
      values.reduce((total, value, index) => {
        total[index % outChannels]! += value;
        return total;
      }, new Float64Array(outChannels));
    const centres = sums(weight);
    const scales = sums(weight.map(Math.abs));
    const deviations = weight.map((value, index) => (centred ? value - centres[index % outChannels]! / count : value));
    return this.#straightThrough.pass(
      deviations.map((value, index) => ((value > 0 ? 1 : -1) * scales[index % outChannels]!) / count),
      deviations.map((value) => Math.min(Math.max(value, -1), 1)),
    );
  }

  linear(name: string, input: Values): Values {
    const bias = this.#get(`${name}bias`);
    const matrix = this.weights(this.#get(`${name}weight`), bias.length, true);
    const inFeatures = matrix.length / bias.length;
    return Float64Array.from({ length: (input.length / inFeatures) * bias.length }, (_, index) => {
      const [row, out] = [Math.floor(index / bias.length), index % bias.length];
      let total = bias[out]!;
      for (let c = 0; c < inFeatures; c++) total += input[row * inFeatures + c]! * matrix[c * bias.length + out]!;
      return total;
    });
  }

  convolution(name: string, input: Values, shape: readonly [number, number, number, number], stride: number): Values {
    const bias = this.#get(`${name}bias`);
    const filter = this.weights(this.#get(`${name}weight`), bias.length, false);
    const output = conv2d(input, shape, filter, [3, 3, shape[3], bias.length], stride, 1);
    return output.map((value, index) => value + bias[index % bias.length]!);
  }

  norm(name: string, input: Values): Values {
    const [weight, bias] = [this.#get(`${name}weight`), this.#get(`${name}bias`)];
    const [mean, variance] = [this.#get(`${name}runningMean`), this.#get(`${name}runningVariance`)];
    const channels = weight.length;
    const normalized = this.#setting.training
      ? normalize(input, (index) => index % channels, 1e-5).normalized
      : input.map((value, index) => (value - mean[index % channels]!) / Math.sqrt(variance[index % channels]! + 1e-5));
    return normalized.map((value, index) => value * weight[index % channels]! + bias[index % channels]!);
  }

  dense(name: string, input: Values, shortcut: Values): Values {
    const product = this.linear(`${name}dense.`, this.binarization(`${name}binarization.`, input));
    const normalized = this.norm(`${name}norm.`, product);
    return this.activation(`${name}activation.`, plus(normalized, shortcut));
  }

  layerScale(name: string, input: Values): Values {
    const scaled = this.#perItem(input, this.shift(`${name}alpha.`), (value, alpha) => value * alpha);
    return this.#perItem(scaled, this.shift(`${name}move.`), (value, move) => value + move);
  }

  /** `query` `[batch, tokens, channels]`, key and value `[batch, others, channels]`; heads are contiguous channels. */
  attention(query: Values, key: Values, value: Values, channels: number, heads: number): Values {
    const { batch, precision } = this.#setting;
    const tokens = query.length / channels / batch;
    const others = key.length / channels / batch;
    const width = channels / heads;
    const dots = Float64Array.from({ length: batch * heads * tokens * others }, (_, index) => {
      const other = index % others;
      const token = Math.floor(index / others) % tokens;
      const head = Math.floor(index / others / tokens) % heads;
      const item = Math.floor(index / others / tokens / heads);
      let dot = 0;
      for (let c = head * width; c < (head + 1) * width; c++) {
        dot += query[(item * tokens + token) * channels + c]! * key[(item * others + other) * channels + c]!;
      }
      return dot;
    });
    const soft = softmax(dots.map((dot) => dot / Math.sqrt(width)), others);
    const weights = precision === "real" ? soft : this.#straightThrough.pass(attended(dots, others), soft);
    return query.map((_, index) => {
      const channel = index % channels;
      const token = Math.floor(index / channels) % tokens;
      const item = Math.floor(index / channels / tokens);
      const row = ((item * heads + Math.floor(channel / width)) * tokens + token) * others;
      let total = 0;
      for (let other = 0; other < others; other++) total += weights[row + other]! * value[(item * others + other) * channels + channel]!;
      return total;
    });
  }

  feedForward(name: string, input: Values, residual: Values, [height, width]: readonly [number, number]): Values {
    const base = plus(input, residual);
    const normalized = this.norm(`${name}norm.`, base);
    const channels = this.#get(`${name}norm.weight`).length;
    const copies = Float64Array.from({ length: 4 * input.length }, (_, index) => {
      return normalized[Math.floor(index / (4 * channels)) * channels + (index % channels)]!;
    });
    const expanded = this.dense(`${name}expansion.`, normalized, copies);
    const neighbours = Float64Array.from({ length: input.length }, (_, index) => {
      return (expanded[4 * index]! + expanded[4 * index + 1]! + expanded[4 * index + 2]! + expanded[4 * index + 3]!) / 4;
    });
    const contracted = this.dense(`${name}contraction.`, expanded, neighbours);
    const shape = [this.#setting.batch, height, width, channels] as const;
    const pooled = (pool: string, axis: 1 | 2, length: number): Values => this.layerScale(`${name}${pool}.`, slidingMean(normalized, shape, axis, length));
    return [
      this.layerScale(`${name}scale.`, contracted),
      pooled("pooledHeight3", 1, 3),
      pooled("pooledHeight5", 1, 5),
      pooled("pooledWidth3", 2, 3),
      pooled("pooledWidth5", 2, 5),
    ].reduce(plus, base);
  }

  crossTransformerBlock(query: Values, condition: Values, residual: Values, heads: number, size: readonly [number, number]): Values {
    const q = this.dense("query.unit.", query, query);
    const k = this.dense("key.unit.", condition, condition);
    const v = this.dense("value.unit.", condition, condition);
    const channels = this.#get("contextNorm.weight").length;
    const context = this.attention(
      this.binarization("query.binarization.", q),
      this.binarization("key.binarization.", k),
      this.binarization("value.binarization.", v),
      channels,
      heads,
    );
    const mixed = this.activation("contextActivation.", [q, k, v].reduce(plus, this.norm("contextNorm.", context)));
    const scaled = this.layerScale("outputScale.", this.dense("output.", mixed, mixed));
    return this.feedForward("feedForward.", scaled, residual, size);
  }

  #perItem(input: Values, shift: Values, combine: (value: number, shift: number) => number): Values {
    const channels = shift.length / this.#setting.batch;
    const perItem = input.length / this.#setting.batch;
    return input.map((value, index) => combine(value, shift[Math.floor(index / perItem) * channels + (index % channels)]!));
  }

  #get(name: string): Values {
    const values = this.#state.get(name);
    if (values === undefined) throw new Error(`The reference needs ${name}; there is ${[...this.#state.keys()].join(", ")}.`);
    return values;
  }
}

/** The binary attention weights of integer products, in integers: 1 where 20·dot > 7·max over the row, else 0. */
export function attended(dots: Values, others: number): Values {
  return dots.map((dot, index) => {
    const row = dots.subarray(index - (index % others), index - (index % others) + others);
    return 20 * Math.round(dot) > 7 * Math.round(Math.max(...row)) ? 1 : 0;
  });
}

/** The dot product of two ±1 vectors as hardware computes it: bits packed into words, `K − 2·popcount(a ⊕ b)`. */
export function xnorDot(a: readonly number[], b: readonly number[]): number {
  const [wordsA, wordsB] = [packSigns(a), packSigns(b)];
  return a.length - 2 * wordsA.reduce((count, word, index) => count + popcount(word ^ wordsB[index]!), 0);
}

function packSigns(signs: readonly number[]): number[] {
  const words = Array.from<number>({ length: Math.ceil(signs.length / 32) }).fill(0);
  signs.forEach((sign, index) => {
    if (sign > 0) words[index >> 5]! |= 1 << (index & 31);
  });
  return words;
}

function popcount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function plus(a: Values, b: Values): Values {
  return a.map((value, index) => value + b[index]!);
}
