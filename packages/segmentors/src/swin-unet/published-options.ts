import { countPublished, publishedShape, type PublishedShapes } from "../published-shapes.ts";

/** The options of the `SwinUNet` that a published checkpoint is of. Throws HidiffError `weights.names`. */
export function publishedSwinUNetOptions(shapes: PublishedShapes): Record<string, unknown> {
  const shape = (name: string, rank: number): readonly number[] => publishedShape(shapes, `swin_unet.${name}`, rank);
  const [embedDimension, inputs] = shape("patch_embed.proj.weight", 4) as [number, number];
  const [classes] = shape("output.weight", 4);
  const table = (stage: number): readonly number[] => shape(`layers.${stage}.blocks.0.attn.relative_position_bias_table`, 2);
  const stages = [0, 1, 2, 3];
  const depth = (layers: string) => (stage: number): number => countPublished(shapes, (block) => `swin_unet.${layers}.${stage}.blocks.${block}.norm1.weight`);
  return {
    imageChannels: inputs === 3 ? undefined : inputs, // three channels, or one that is repeated
    classes,
    embedDimension,
    depths: stages.map(depth("layers")),
    decoderDepths: [1, ...[1, 2, 3].map(depth("layers_up"))],
    heads: stages.map((stage) => table(stage)[1]),
    window: (Math.sqrt(table(0)[0]!) + 1) / 2,
    mlpRatio: shape("layers.0.blocks.0.mlp.fc1.weight", 2)[0]! / embedDimension,
  };
}
