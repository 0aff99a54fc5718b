import { call, type KernelCall } from "@hidiff/binary-nn/packed";
import { noSigns, type PlanMemory, type SignedMap, type Signs } from "./plan-memory.ts";

/** A kernel's call and the map that it writes. */
interface Layer {
  readonly call: KernelCall;
  readonly output: SignedMap;
}

interface BlockLayer extends Layer {
  /** Signs of the output by the second threshold. */
  readonly secondBits: number;
}

/** Tokens that a thread takes at once. */
const tokensPerChunk = 16;

/** As the kernel numbers them. */
const shortcuts = { same: 1, pairMean: 2, pool: 3, tile: 4, quadMean: 5 } as const;

interface BinaryProduct {
  /** 3, or 1 for a linear map. */
  readonly kernelSize: 1 | 3;
  /** Default 1. */
  readonly stride?: 1 | 2;
  /** Whether the input is doubled by nearest neighbours first. Default false. */
  readonly upsampled?: boolean;
  readonly size: { readonly height: number; readonly width: number };
  /** One or two maps of signs, whose channels follow each other. */
  readonly inputs: readonly { readonly bits: number; readonly channels: number }[];
  readonly shortcut: { readonly kind: keyof typeof shortcuts; readonly maps: readonly { readonly floats: number; readonly channels: number }[] };
  readonly output: SignedMap;
  /** At most two. */
  readonly signs: readonly Signs[];
}

/** A binary convolution or linear map with what follows it: `TA(BN(product(signs)) + shortcut)`. */
function binaryProduct(memory: PlanMemory, name: string, step: number, product: BinaryProduct): KernelCall {
  const { kernelSize, stride = 1, upsampled = false, size, inputs, shortcut, output, signs } = product;
  memory.signTap(name, size, upsampled, inputs);
  const [first, second] = inputs;
  const [map, otherMap] = shortcut.maps;
  const [a, b] = [signs[0] ?? noSigns, signs[1] ?? noSigns];
  const inChannels = inputs.reduce((sum, { channels }) => sum + channels, 0);
  return call("binaryConvolution", output.height, {
    height: output.height,
    width: output.width,
    outChannels: output.channels,
    kernelSize,
    stride,
    upsampled: upsampled ? 1 : 0,
    inHeight: size.height,
    inWidth: size.width,
    bits1: first!.bits,
    nibbles1: first!.channels / 4,
    bits2: second?.bits ?? 0,
    nibbles2: (second?.channels ?? 0) / 4,
    ...unit(memory, name, step, inChannels, output.channels, kernelSize),
    shortcut: shortcuts[shortcut.kind],
    shortcut1: map!.floats,
    shortcutChannels1: map!.channels,
    shortcut2: otherMap?.floats ?? 0,
    shortcutChannels2: otherMap?.channels ?? 0,
    output: output.floats,
    thresholdA: a.threshold,
    bitsA: a.bits,
    thresholdB: b.threshold,
    bitsB: b.bits,
  });
}

/** A basic block on one map or on two joined ones; with `outChannels`, an up block, whose output has twice the size. */
export function block(memory: PlanMemory, name: string, step: number, inputs: readonly SignedMap[], thresholds: readonly number[], outChannels?: number): BlockLayer {
  const size = inputs[0]!;
  const upsampled = outChannels !== undefined;
  const factor = upsampled ? 2 : 1;
  const channels = outChannels ?? size.channels;
  const output = memory.newMap(factor * size.height, factor * size.width, channels, thresholds.length > 0);
  const secondBits = thresholds.length > 1 ? memory.acquire((output.height * output.width * channels) / 4) : 0;
  memory.floatTap(name, output);
  const kind = inputs.length === 1 && size.channels === channels ? "same" : "pairMean";
  const signs = thresholds.map((threshold, index) => ({ threshold, bits: index === 0 ? output.bits : secondBits }));
  return { output, secondBits, call: binaryProduct(memory, name, step, { kernelSize: 3, upsampled, size, inputs, shortcut: { kind, maps: inputs }, output, signs }) };
}

/** A down block: its output has half the size, and `channels`. */
export function down(memory: PlanMemory, name: string, step: number, input: SignedMap, channels: number, threshold: number): Layer {
  const output = memory.newMap(input.height / 2, input.width / 2, channels);
  memory.floatTap(name, output);
  const shortcut = { kind: "pool", maps: [input] } as const;
  const signs = [{ threshold, bits: output.bits }];
  return { output, call: binaryProduct(memory, name, step, { kernelSize: 3, stride: 2, size: input, inputs: [input], shortcut, output, signs }) };
}

/** `TA(BN(BLinear(signs)) + shortcut)` on tokens; no signs of the result if `threshold` is 0. */
export function dense(
  memory: PlanMemory,
  name: string,
  step: number,
  bits: number,
  inChannels: number,
  { kind, ...map }: { readonly kind: "same" | "tile" | "quadMean"; readonly floats: number; readonly channels: number },
  output: SignedMap,
  threshold: number,
): KernelCall {
  const inputs = [{ bits, channels: inChannels }];
  const signs = threshold === 0 ? [] : [{ threshold, bits: output.bits }];
  return binaryProduct(memory, name, step, { kernelSize: 1, size: output, inputs, shortcut: { kind, maps: [map] }, output, signs });
}

/** Weights and tables of a binary product and its activation. */
function unit(memory: PlanMemory, name: string, step: number, inChannels: number, channels: number, kernelSize: 1 | 3): Record<"weights" | "scale" | "bias" | "slope" | "after", number> {
  return {
    weights: memory.constants.binaryWeights(`${name}.weight`, inChannels, channels, kernelSize),
    scale: memory.constants.vector(`${name}.factor`, channels),
    bias: memory.constants.row(`${name}.offset`, step, channels),
    slope: memory.constants.vector(`${name}.slope`, channels),
    after: memory.constants.row(`${name}.after`, step, channels),
  };
}

/** An affine map per channel on tokens, and up to three kinds of signs of the result. */
export function affine(
  input: SignedMap,
  { factor, offset }: { readonly factor: number; readonly offset: number },
  { output, residual = 0, signs = [] }: { readonly output: number; readonly residual?: number; readonly signs?: readonly Signs[] },
): KernelCall {
  const tokens = input.height * input.width;
  const [a, b, c] = [signs[0] ?? noSigns, signs[1] ?? noSigns, signs[2] ?? noSigns];
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

export function batchNorm(memory: PlanMemory, name: string, channels: number): { factor: number; offset: number } {
  return { factor: memory.constants.vector(`${name}.factor`, channels), offset: memory.constants.vector(`${name}.offset`, channels) };
}
