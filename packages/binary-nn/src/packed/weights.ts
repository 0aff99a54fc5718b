/** Binary weights, one bit each, as they are stored. */
export interface PackedWeights {
  readonly outChannels: number;
  /** A multiple of 4; the kernels count in 16 bits, so that kernelSize² · inChannels is at most 65535. */
  readonly inChannels: number;
  /** 3, or 1 for a linear map. */
  readonly kernelSize: number;
  /** `[outChannel][dx][dy][inChannel]`, each output channel starting a byte; the first weight is the lowest bit; 1 is +1. */
  readonly bits: Uint8Array;
}

/** Bytes of one output channel's weights. */
export function packedRowBytes({ inChannels, kernelSize }: Pick<PackedWeights, "inChannels" | "kernelSize">): number {
  return Math.ceil((kernelSize * kernelSize * inChannels) / 8);
}

/**
 * The signs and the scale, `mean|W|` per output channel, of real weights.
 *
 * @param weights `[dy][dx][inChannel][outChannel]`
 * @param centred whether the mean of a channel's weights is subtracted before the sign is taken
 */
export function packWeights(
  weights: Float32Array,
  { outChannels, inChannels, kernelSize }: Omit<PackedWeights, "bits">,
  centred: boolean,
): { readonly packed: PackedWeights; readonly scale: Float64Array } {
  const perChannel = kernelSize * kernelSize * inChannels;
  const scale = new Float64Array(outChannels);
  const centre = new Float64Array(outChannels);
  // Sums of float32 numbers are exact in float64 here: equal weights are their own mean.
  weights.forEach((weight, index) => {
    scale[index % outChannels]! += Math.abs(weight);
    if (centred) centre[index % outChannels]! += weight;
  });
  for (let output = 0; output < outChannels; output++) {
    scale[output]! /= perChannel;
    centre[output]! /= perChannel;
  }
  const rowBytes = packedRowBytes({ inChannels, kernelSize });
  const bits = new Uint8Array(outChannels * rowBytes);
  for (let dx = 0; dx < kernelSize; dx++) {
    for (let dy = 0; dy < kernelSize; dy++) {
      for (let input = 0; input < inChannels; input++) {
        const from = ((dy * kernelSize + dx) * inChannels + input) * outChannels;
        const bit = (dx * kernelSize + dy) * inChannels + input;
        for (let output = 0; output < outChannels; output++) {
          if (weights[from + output]! - centre[output]! > 0) bits[output * rowBytes + (bit >> 3)]! |= 1 << (bit & 7);
        }
      }
    }
  }
  return { packed: { outChannels, inChannels, kernelSize, bits }, scale };
}

/**
 * The weights as the kernel `binaryConvolution` reads them: groups of 32 output channels (a last one of 16 if that is
 * enough), each `[nibble][channel]`, a nibble a byte. Of every 16 channels, the first eight have the even bytes.
 */
export function kernelWeights({ outChannels, inChannels, kernelSize, bits }: PackedWeights): Uint8Array {
  const rowBytes = packedRowBytes({ inChannels, kernelSize });
  const nibbles = (kernelSize * kernelSize * inChannels) / 4;
  const run = Math.ceil(nibbles / 3) * 3;
  const paddedChannels = Math.ceil(outChannels / 16) * 16;
  const result = new Uint8Array(run * paddedChannels);
  for (let group = 0; group < paddedChannels; group += 32) {
    const size = Math.min(32, paddedChannels - group);
    for (let inGroup = 0; inGroup < size; inGroup++) {
      const channel = group + (inGroup & 16) + ((inGroup & 1) << 3) + ((inGroup & 15) >> 1);
      if (channel >= outChannels) continue;
      for (let nibble = 0; nibble < nibbles; nibble++) {
        const byte = bits[channel * rowBytes + (nibble >> 1)]!;
        result[group * run + nibble * size + inGroup] = nibble % 2 === 0 ? byte & 15 : byte >> 4;
      }
    }
  }
  return result;
}
