import { type DecisionHook, withDecisionHook } from "@hidiff/binary-nn";
import { Generator, type Module, type Tensor, tensor, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { Refiner, type RefinerInputs, type RefinerOptions } from "../../refiner/refiner.ts";
import type { PackedInputs, PackedRefiner } from "../packed-refiner.ts";

/** A refiner with every parameter and running statistic random: half of the normalizations' weights are negative. */
export function randomRefiner(options: RefinerOptions, seed: string | number): Refiner {
  const refiner = new Refiner(options, new Generator(seed));
  const generator = new Generator(seed).split("state");
  const state = refiner.stateDict();
  for (const [name, { data }] of state) {
    if (name.endsWith("runningVariance")) data.set(generator.uniformArray(data.length, 0.5, 1.5));
    else data.set(generator.normalArray(data.length, 0, /[nN]orm.*\.weight$/.test(name) ? 0.5 : 0.2));
  }
  refiner.loadStateDict(state);
  return refiner;
}

/** Inputs for both engines, with a latent mask per image. */
export interface ComparedInputs extends PackedInputs {
  readonly images: number;
  readonly yt: Float32Array;
}

export function randomInputs({ imageChannels, classes, featureChannels }: RefinerOptions, height: number, width: number, images: number, seed: string | number): ComparedInputs {
  const generator = new Generator(seed);
  const normal = (size: number): Float32Array => generator.normalArray(images * size, 0, 1);
  const pixels = height * width;
  return {
    height,
    width,
    images,
    image: normal(pixels * imageChannels),
    prior: generator.uniformArray(images * pixels * classes),
    yt: generator.uniformArray(images * pixels * classes).map(Math.round),
    features: featureChannels.map((channels, level) => normal((pixels * channels) / (16 << (2 * level)))) as unknown as PackedInputs["features"],
  };
}

/** All inputs but the latent mask plus noise of this standard deviation. */
export function withNoise(inputs: ComparedInputs, deviation: number, seed: number): ComparedInputs {
  const generator = new Generator(seed);
  const noisy = (values: Float32Array): Float32Array => {
    const noise = generator.normalArray(values.length, 0, deviation);
    return values.map((value, index) => value + noise[index]!);
  };
  return { ...inputs, image: noisy(inputs.image), prior: noisy(inputs.prior), features: inputs.features.map(noisy) as unknown as PackedInputs["features"] };
}

/** The training graph's output in evaluation mode. */
export function graphOutput(refiner: Refiner, inputs: ComparedInputs, t: number): Float32Array {
  let output = new Float32Array();
  tidy(() => {
    output = Float32Array.from(refiner.forward(graphInputs(refiner.options, inputs, t), { training: false }).dataSync());
  });
  return output;
}

function graphInputs({ imageChannels, classes, featureChannels }: RefinerOptions, { height, width, images, image, prior, yt, features }: ComparedInputs, t: number): RefinerInputs {
  const map = (values: Float32Array, channels: number, level = 0): Tensor4D => tensor(values, [images, height >> level, width >> level, channels]) as Tensor4D;
  return {
    image: map(image, imageChannels),
    prior: map(prior, classes),
    yt: map(yt, classes),
    features: features.map((values, level) => map(values, featureChannels[level]!, level + 2)) as unknown as RefinerInputs["features"],
    t: new Array<number>(images).fill(t),
  };
}

/** What {@link compareBlocks} found. */
interface BlockComparison {
  /** Signs that differ, and the largest distance from its threshold of one that does. */
  readonly differingSigns: number;
  readonly largestMargin: number;
  /** By block, the largest error relative to max(1, |value|). */
  readonly errors: ReadonlyMap<string, number>;
  /** The same of the network's output. */
  readonly outputError: number;
}

/**
 * Runs a step of one image on the packed engine (which keeps its maps), then the graph with the packed engine's signs in
 * place of its own, and compares all blocks.
 */
export function compareBlocks(refiner: Refiner, packed: PackedRefiner, inputs: ComparedInputs, t: number): BlockComparison {
  packed.prepare(inputs);
  const packedOutput = packed.step(inputs.yt, t);
  const { plan, engine } = packed.inspect()!;
  const names = decisionNames(refiner.options.crossTransformer);
  let decision = 0;
  let differingSigns = 0;
  let largestMargin = 0;
  const hook: DecisionHook = (kind, margin) => {
    const values = margin.dataSync();
    if (kind === "attention") return tensor(Float32Array.from(values, (value) => (value > 0 ? 1 : 0)), margin.shape);
    const name = names[decision++]!;
    const { height, width, upsampled, parts } = plan.memory.signTaps.find((tap) => tap.name === name)!;
    const channels = parts.reduce((sum, part) => sum + part.channels, 0);
    const columns = upsampled ? 2 * width : width;
    const signs = new Float32Array(values.length);
    let start = 0;
    for (const part of parts) {
      const nibbles = engine.bytes(part.bits, (height * width * part.channels) / 4);
      for (let pixel = 0; pixel < values.length / channels; pixel++) {
        const [row, column] = [Math.floor(pixel / columns), pixel % columns];
        const from = upsampled ? (row >> 1) * width + (column >> 1) : pixel;
        for (let c = 0; c < part.channels; c++) {
          const at = pixel * channels + start + c;
          signs[at] = (nibbles[(from * part.channels + c) >> 2]! >> (c & 3)) & 1;
          if (signs[at] === (values[at]! > 0 ? 1 : 0)) continue;
          differingSigns++;
          largestMargin = Math.max(largestMargin, Math.abs(values[at]!));
        }
      }
      start += part.channels;
    }
    return tensor(signs, margin.shape);
  };

  const captured = new Map<string, Float32Array>();
  const release = captureOutputs(refiner, captured);
  let output: Float32Array = new Float32Array();
  try {
    output = withDecisionHook(hook, () => graphOutput(refiner, inputs, t));
  } finally {
    release();
  }
  const errors = new Map(
    [...captured].map(([name, values]) => {
      const { floats, length } = plan.memory.floatTaps.get(name)!;
      return [name, largestError(engine.floats(floats, length), values)];
    }),
  );
  return { differingSigns, largestMargin, errors, outputError: largestError(packedOutput, output) };
}

/** Largest difference relative to max(1, |expected|). */
function largestError(values: Float32Array, expected: Float32Array): number {
  if (values.length !== expected.length) throw new Error(`${values.length} numbers, expected ${expected.length}`);
  return values.reduce((largest, value, index) => {
    const error = Math.abs(value - expected[index]!) / Math.max(1, Math.abs(expected[index]!));
    return error <= largest ? largest : error;
  }, 0);
}

/** The modules whose outputs are compared, by the names that the plan gives their maps. */
function blocksOf({ encoders, concats, downs, middle1, crossTransformer, middle2, ups, decoders }: Refiner): Map<string, Module> {
  const numbered = (name: string, modules: readonly Module[], stage: (index: number) => number): [string, Module][] =>
    modules.map((module, index) => [name + stage(index), module]);
  return new Map<string, Module>([
    ...numbered("encoder", encoders, (index) => index + 1),
    ...concats.flatMap(({ block, condition }, index): [string, Module][] => [
      [`concat${index + 3}`, block],
      [`concat${index + 3}.condition`, condition],
    ]),
    ...numbered("down", downs, (index) => index + 1),
    ["middle1", middle1],
    ["middle2", middle2],
    ...numbered("up", ups, (index) => 5 - index),
    ...numbered("decoder", decoders, (index) => 5 - index),
    ...(crossTransformer === undefined
      ? []
      : ([
          ["crossTransformer", crossTransformer],
          ["crossTransformer.condition", crossTransformer.condition],
          ["crossTransformer.block1", crossTransformer.block1],
          ["crossTransformer.block2", crossTransformer.block2],
        ] as const)),
  ]);
}

/** Makes the blocks' `forward` leave their outputs in `captured`; returns what undoes it. */
function captureOutputs(refiner: Refiner, captured: Map<string, Float32Array>): () => void {
  type Block = { forward?(...inputs: unknown[]): Tensor };
  const blocks = [...blocksOf(refiner)].map(([name, module]) => [name, module as Block] as const);
  for (const [name, block] of blocks) {
    const original = block.forward!.bind(block);
    block.forward = (...inputs) => {
      const output = original(...inputs);
      captured.set(name, Float32Array.from(output.dataSync()));
      return output;
    };
  }
  return () => {
    for (const [, block] of blocks) delete block.forward;
  };
}

/** The binarizations in the order in which the graph makes them. */
function decisionNames(crossTransformer: boolean): string[] {
  const encoders = [1, 2, 3, 4, 5].flatMap((stage) => [`encoder${stage}`, ...(stage > 2 ? [`concat${stage}`] : []), `down${stage}`]);
  const decoders = [5, 4, 3, 2, 1].flatMap((stage) => [`up${stage}`, `decoder${stage}`]);
  const projections = ["query", "key", "value"];
  const blocks = ["crossTransformer.block1", "crossTransformer.block2"].flatMap((block) => [
    ...projections.map((name) => `${block}.${name}.unit`),
    ...projections.map((name) => `${block}.${name}`),
    `${block}.output`,
    `${block}.feedForward.expansion`,
    `${block}.feedForward.contraction`,
  ]);
  return [...encoders, "middle1", ...(crossTransformer ? blocks : []), "middle2", ...decoders];
}
