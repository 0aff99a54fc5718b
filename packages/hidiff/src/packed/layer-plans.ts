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

const shortcuts = { none: 0, same: 1, pairMean: 2, pool: 3, tile: 4, quadMean: 5 } as const;

/** A basic block on one map or on two joined ones; with one of half the size, an up block. */
export function block(memory: PlanMemory, name: string, step: number, inputs: readonly SignedMap[], thresholds: readonly number[], outChannels?: number): BlockLayer {
  const [first, second] = inputs as [SignedMap, SignedMap | undefined];
  const upsampled = outChannels === undefined ? 0 : 1;
  const inChannels = first.channels + (second?.channels ?? 0);
  const channels = outChannels ?? first.channels;
  const [height, width] = [first.height << upsampled, first.width << upsampled];
  memory.signTap(name, first, upsampled === 1, inputs);
  const output = memory.newMap(height, width, channels, thresholds.length > 0);
  const secondBits = thresholds.length > 1 ? memory.acquire((height * width * channels) / 4) : 0;
  memory.floatTap(name, output);
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
      ...unit(memory, name, step, inChannels, channels, 3),
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

/** A down block: its output has half the size, and `channels`. */
export function down(memory: PlanMemory, name: string, step: number, input: SignedMap, channels: number, threshold: number): Layer {
  const [height, width] = [input.height / 2, input.width / 2];
  memory.signTap(name, input, false, [input]);
  const output = memory.newMap(height, width, channels, true);
  memory.floatTap(name, output);
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
      ...unit(memory, name, step, input.channels, channels, 3),
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
export function dense(memory: PlanMemory, 
  name: string,
  step: number,
  bits: number,
  inChannels: number,
  shortcut: { readonly kind: "same" | "tile" | "quadMean"; readonly floats: number; readonly channels: number },
  output: SignedMap,
  threshold: number,
): KernelCall {
  const { height, width, channels } = output;
  memory.signTap(name, output, false, [{ bits, channels: inChannels }]);
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
    ...unit(memory, name, step, inChannels, channels, 1),
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
