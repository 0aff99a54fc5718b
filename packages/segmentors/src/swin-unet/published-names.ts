import { publishedName, type PublishedPrefix } from "../published-names.ts";

/** The published decoder begins a stage with the fusion. */
const prefixes: readonly PublishedPrefix[] = [
  [/^patchEmbedding\./, () => "swin_unet.patch_embed."],
  [/^encoder\.([0-3])\./, (stage) => `swin_unet.layers.${stage}.`],
  [/^norm\./, () => "swin_unet.norm."],
  [/^decoder\.0\.upsample\./, () => "swin_unet.layers_up.0."],
  [/^decoder\.([12])\.upsample\./, (stage) => `swin_unet.layers_up.${stage}.upsample.`],
  [/^decoder\.([0-2])\.fusion\./, (stage) => `swin_unet.concat_back_dim.${stage! + 1}.`],
  [/^decoder\.([0-2])\.blocks\./, (stage) => `swin_unet.layers_up.${stage! + 1}.blocks.`],
  [/^normUp\./, () => "swin_unet.norm_up."],
  [/^up\./, () => "swin_unet.up."],
  [/^head\./, () => "swin_unet.output."],
];

const parts = { attention: "attn", projection: "proj", relativePositionBiasTable: "relative_position_bias_table" };

/**
 * The name in the published PyTorch Swin-Unet (`swin_unet.patch_embed` …, `layers` …, `layers_up` …, `output`) of one of
 * {@link SwinUNet}'s state names. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint, whose
 * `relative_position_index` and `attn_mask` are not needed.
 *
 * @throws HidiffError `segmentor.state` for a name that is not a Swin-Unet's
 */
export function publishedSwinUNetName(name: string): string {
  return publishedName(name, { network: "a Swin-Unet", prefixes, parts });
}
