import { HidiffError } from "@hidiff/core-tensor";

/** Prefixes of our state names and what the published network calls them. */
const blocks: readonly (readonly [pattern: RegExp, published: string])[] = [
  [/^stem\./, "encoder.stem.convs.0."],
  [/^encoder\.(\d)\.(\d)\.projection\./, "encoder.stages.$1.blocks.$2.skip.1."],
  [/^encoder\.(\d)\.(\d)\./, "encoder.stages.$1.blocks.$2."],
  [/^decoder\.(\d)\.up\./, "decoder.transpconvs.$1."],
  [/^decoder\.(\d)\.merge\./, "decoder.stages.$1.convs.0."],
  [/^decoder\.(\d)\.head\./, "decoder.seg_layers.$1."],
];

/**
 * The name in nnU-Net's checkpoints ("network_weights", the `ResidualEncoderUNet` of dynamic-network-architectures) of one of
 * {@link ResidualUNet}'s state names. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint. (The
 * library stores most arrays under several names; this is the shortest.)
 *
 * @throws HidiffError `segmentor.state` for a name that is not a residual U-Net's
 */
export function publishedResidualUNetName(name: string): string {
  for (const [pattern, published] of blocks) {
    if (pattern.test(name)) return name.replace(pattern, published);
  }
  throw new HidiffError(
    "segmentor.state",
    `publishedResidualUNetName: "${name}" is not a state name of a residual U-Net; pass one from its stateDict().`,
  );
}
