import { publishedName, type PublishedPrefix } from "../published-names.ts";

const prefixes: readonly PublishedPrefix[] = [
  [/^stem\./, () => "encoder.stem.convs.0."],
  [/^encoder\.(\d)\.(\d)\.projection\./, (stage, block) => `encoder.stages.${stage}.blocks.${block}.skip.1.`],
  [/^encoder\.(\d)\.(\d)\./, (stage, block) => `encoder.stages.${stage}.blocks.${block}.`],
  [/^decoder\.(\d)\.up\./, (stage) => `decoder.transpconvs.${stage}.`],
  [/^decoder\.(\d)\.merge\./, (stage) => `decoder.stages.${stage}.convs.0.`],
  [/^decoder\.(\d)\.head\./, (stage) => `decoder.seg_layers.${stage}.`],
];

/**
 * The name in nnU-Net's checkpoints ("network_weights", the `ResidualEncoderUNet` of dynamic-network-architectures) of one of
 * {@link ResidualUNet}'s state names. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint. (The
 * library stores most arrays under several names; this is the shortest.)
 *
 * @throws HidiffError `segmentor.state` for a name that is not a residual U-Net's
 */
export function publishedResidualUNetName(name: string): string {
  return publishedName(name, { network: "a residual U-Net", prefixes });
}
