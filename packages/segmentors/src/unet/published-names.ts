import { HidiffError } from "@hidiff/core-tensor";

/** Prefixes of our state names and what the published network calls them, by level or decoder stage. */
const blocks: readonly (readonly [pattern: RegExp, published: (index: number) => string])[] = [
  [/^head()\./, () => "outc.conv."],
  [/^encoder\.(0)\./, () => "inc.double_conv."],
  [/^encoder\.([1-9])\./, (level) => `down${level}.maxpool_conv.1.double_conv.`],
  [/^decoder\.(\d)\.conv\./, (stage) => `up${stage + 1}.conv.double_conv.`],
  [/^decoder\.(\d)(?=\.up\.)/, (stage) => `up${stage + 1}`],
];

/** Parts of the remaining name. A double convolution is a sequence of convolution, norm, ReLU, convolution, norm, ReLU. */
const parts: Readonly<Record<string, string>> = {
  conv1: "0",
  norm1: "1",
  conv2: "3",
  norm2: "4",
  runningMean: "running_mean",
  runningVariance: "running_var",
};

/**
 * The name in the published PyTorch U-Net (`inc`, `down1` …, `up1` …, `outc`) of one of {@link UNet}'s state names, for
 * networks with `norm: "batch"`. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint.
 *
 * @throws HidiffError `segmentor.state` for a name that is not a U-Net's
 */
export function publishedUNetName(name: string): string {
  for (const [pattern, published] of blocks) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const rest = name.slice(match[0].length).split(".");
    return published(Number(match[1])) + rest.map((part) => parts[part] ?? part).join(".");
  }
  throw new HidiffError("segmentor.state", `publishedUNetName: "${name}" is not a state name of a U-Net; pass one from its stateDict().`);
}
