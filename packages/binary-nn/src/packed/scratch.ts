import type { KernelArguments, KernelName } from "./engine.ts";

/** Bytes of working memory that one chunk of a kernel needs; kernels that are not listed need none. */
const needs: { readonly [K in KernelName]?: (values: KernelArguments<K>) => number } = {
  binaryConvolution: ({ width, outChannels, kernelSize, stride, nibbles1, nibbles2 }) => {
    const evenWidth = width + (width % 2);
    const shared = kernelSize === 3 && stride === 1;
    const run = Math.ceil((kernelSize * kernelSize * (nibbles1 + nibbles2)) / 3) * 3;
    const addresses = shared ? (evenWidth + 1) * 3 * (nibbles1 + nibbles2) : (evenWidth / 2) * run;
    const paddedChannels = Math.ceil(outChannels / 16) * 16;
    return 2 * addresses + 32 + 2 * paddedChannels * evenWidth + 8 * outChannels;
  },
  attention: ({ tokens, channels }) => 4 * (tokens + channels),
  floatConvolution: ({ width, inChannels }) => 12 * (width + 2) * inChannels,
  groupStatistics: ({ channels }) => 8 * channels,
  winogradInput: ({ width, channels }) => 24 * (width + 3) * channels,
  winogradConvolution: ({ width, inChannels, outChannels }) =>
    24 * (width + 3) * inChannels + 16 * (4 * 16 * (inChannels + outChannels + 3) + 2 * 64) + 4 * (outChannels + 3),
  stem: ({ nibbles }) => 36 * nibbles,
};

export function scratchBytes<K extends KernelName>(kernel: K, values: KernelArguments<K>): number {
  return needs[kernel]?.(values) ?? 0;
}
