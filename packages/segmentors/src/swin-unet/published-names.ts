import { HidiffError } from "@hidiff/core-tensor";

/** Beginnings of our state names and what the published network calls them. Its decoder begins a stage with the fusion. */
const blocks: readonly (readonly [pattern: RegExp, published: (stage: number) => string])[] = [
  [/^patchEmbedding()\./, () => "patch_embed."],
  [/^encoder\.([0-3])\./, (stage) => `layers.${stage}.`],
  [/^norm()\./, () => "norm."],
  [/^decoder\.(0)\.upsample\./, () => "layers_up.0."],
  [/^decoder\.([12])\.upsample\./, (stage) => `layers_up.${stage}.upsample.`],
  [/^decoder\.([0-2])\.fusion\./, (stage) => `concat_back_dim.${stage + 1}.`],
  [/^decoder\.([0-2])\.blocks\./, (stage) => `layers_up.${stage + 1}.blocks.`],
  [/^normUp()\./, () => "norm_up."],
  [/^up()\./, () => "up."],
  [/^head()\./, () => "output."],
];

/** Parts of the remaining name. */
const parts: Readonly<Record<string, string>> = {
  attention: "attn",
  projection: "proj",
  relativePositionBiasTable: "relative_position_bias_table",
};

/**
 * The name in the published PyTorch Swin-Unet (`swin_unet.patch_embed` …, `layers` …, `layers_up` …, `output`) of one of
 * {@link SwinUNet}'s state names. With `stateFromPyTorch`, which converts the layouts, it imports a checkpoint, whose
 * `relative_position_index` and `attn_mask` are not needed.
 *
 * @throws HidiffError `segmentor.state` for a name that is not a Swin-Unet's
 */
export function publishedSwinUNetName(name: string): string {
  for (const [pattern, published] of blocks) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const rest = name.slice(match[0].length).split(".");
    return `swin_unet.${published(Number(match[1]))}${rest.map((part) => parts[part] ?? part).join(".")}`;
  }
  throw new HidiffError(
    "segmentor.state",
    `publishedSwinUNetName: "${name}" is not a state name of a Swin-Unet; pass one from its stateDict().`,
  );
}
