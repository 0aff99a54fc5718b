import { publishedName, type PublishedPrefix } from "../published-names.ts";

/** By level or decoder stage. */
const prefixes: readonly PublishedPrefix[] = [
  [/^head\./, () => "outc.conv."],
  [/^encoder\.0\./, () => "inc.double_conv."],
  [/^encoder\.([1-9])\./, (level) => `down${level}.maxpool_conv.1.double_conv.`],
  [/^decoder\.(\d)\.conv\./, (stage) => `up${stage! + 1}.conv.double_conv.`],
  [/^decoder\.(\d)\.up\./, (stage) => `up${stage! + 1}.up.`],
];

/** A double convolution is a sequence of convolution, norm, ReLU, convolution, norm, ReLU. */
const parts = { conv1: "0", norm1: "1", conv2: "3", norm2: "4" };

/**
 * The name in the published PyTorch U-Net (`inc`, `down1` …, `up1` …, `outc`) of one of {@link UNet}'s state names, for
 * networks with `norm: "batch"`. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint.
 *
 * @throws HidiffError `segmentor.state` for a name that is not a U-Net's
 */
export function publishedUNetName(name: string): string {
  return publishedName(name, { network: "a U-Net", prefixes, parts });
}
