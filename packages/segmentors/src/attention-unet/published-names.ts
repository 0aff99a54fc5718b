import { HidiffError } from "@hidiff/core-tensor";

type Places = Readonly<Record<string, string>>;

/** Places in the published sequences of layers, in which ReLU and up-sampling count. */
const doubleConv: Places = { conv1: "0", norm1: "1", conv2: "3", norm2: "4" };
const convNorm: Places = { conv: "0", norm: "1" };
const upsampledConvNorm: Places = { conv: "1", norm: "2" };

const statistics: Places = { runningMean: "running_mean", runningVariance: "running_var" };

/** Prefixes of our state names, what the published network calls them by level or decoder stage, and the layers in them. */
const blocks: readonly (readonly [pattern: RegExp, published: (index: number) => string, layers: Places])[] = [
  [/^encoder\.(\d)\./, (level) => `Conv${level + 1}.conv.`, doubleConv],
  [/^decoder\.(\d)\.up\./, (stage) => `Up${5 - stage}.up.`, upsampledConvNorm],
  [/^decoder\.(\d)\.gate\.gating\./, (stage) => `Att${5 - stage}.W_g.`, convNorm],
  [/^decoder\.(\d)\.gate\.skip\./, (stage) => `Att${5 - stage}.W_x.`, convNorm],
  [/^decoder\.(\d)\.gate\.coefficients\./, (stage) => `Att${5 - stage}.psi.`, convNorm],
  [/^decoder\.(\d)\.conv\./, (stage) => `Up_conv${5 - stage}.conv.`, doubleConv],
  [/^head()\./, () => "Conv_1x1.", {}],
];

/**
 * The name in the published PyTorch network (`Conv1` …, `Up5` …, `Att5` …, `Up_conv5` …, `Conv_1x1`) of one of
 * {@link AttentionUNet}'s state names. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint.
 *
 * @throws HidiffError `segmentor.state` for a name that is not an Attention U-Net's
 */
export function publishedAttentionUNetName(name: string): string {
  for (const [pattern, published, layers] of blocks) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const rest = name.slice(match[0].length).split(".");
    return published(Number(match[1])) + rest.map((part) => layers[part] ?? statistics[part] ?? part).join(".");
  }
  throw new HidiffError(
    "segmentor.state",
    `publishedAttentionUNetName: "${name}" is not a state name of an Attention U-Net; pass one from its stateDict().`,
  );
}
