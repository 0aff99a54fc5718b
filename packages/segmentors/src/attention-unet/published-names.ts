import { publishedName, type PublishedPrefix } from "../published-names.ts";

/** Places in the published sequences of layers, in which ReLU and up-sampling count. */
const doubleConv = { conv1: "0", norm1: "1", conv2: "3", norm2: "4" };
const convNorm = { conv: "0", norm: "1" };
const upsampledConvNorm = { conv: "1", norm: "2" };

/** By level or decoder stage. */
const prefixes: readonly PublishedPrefix[] = [
  [/^encoder\.(\d)\./, (level) => `Conv${level! + 1}.conv.`, doubleConv],
  [/^decoder\.(\d)\.up\./, (stage) => `Up${5 - stage!}.up.`, upsampledConvNorm],
  [/^decoder\.(\d)\.gate\.gating\./, (stage) => `Att${5 - stage!}.W_g.`, convNorm],
  [/^decoder\.(\d)\.gate\.skip\./, (stage) => `Att${5 - stage!}.W_x.`, convNorm],
  [/^decoder\.(\d)\.gate\.coefficients\./, (stage) => `Att${5 - stage!}.psi.`, convNorm],
  [/^decoder\.(\d)\.conv\./, (stage) => `Up_conv${5 - stage!}.conv.`, doubleConv],
  [/^head\./, () => "Conv_1x1."],
];

/**
 * The name in the published PyTorch network (`Conv1` …, `Up5` …, `Att5` …, `Up_conv5` …, `Conv_1x1`) of one of
 * {@link AttentionUNet}'s state names. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint.
 *
 * @throws HidiffError `segmentor.state` for a name that is not an Attention U-Net's
 */
export function publishedAttentionUNetName(name: string): string {
  return publishedName(name, { network: "an Attention U-Net", prefixes });
}
