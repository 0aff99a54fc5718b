import { countPublished, publishedShape, type PublishedShapes } from "../published-shapes.ts";

/** Attention heads of the published sizes of the transformer, by the channels of its tokens: no shape tells them. */
const publishedHeads: Readonly<Record<number, number>> = { 768: 12, 1024: 16 };

/** The options of the `TransUNet` that a published checkpoint is of. Throws HidiffError `weights.names`. */
export function publishedTransUNetOptions(shapes: PublishedShapes): Record<string, unknown> {
  const embeddings = "transformer.embeddings";
  const [width] = publishedShape(shapes, `${embeddings}.hybrid_model.root.conv.weight`, 4);
  const [, tokens, hiddenSize] = publishedShape(shapes, `${embeddings}.position_embeddings`, 3) as [number, number, number];
  const [mlpSize] = publishedShape(shapes, "transformer.encoder.layer.0.ffn.fc1.weight", 2);
  const [classes] = publishedShape(shapes, "segmentation_head.0.weight", 4);
  const unit = (block: number) => (index: number): string => `${embeddings}.hybrid_model.body.block${block}.unit${index + 1}.conv1.weight`;
  const decoder = [0, 1, 2, 3].map((block) => publishedShape(shapes, `decoder.blocks.${block}.conv1.0.weight`, 4) as [number, number]);
  const [before] = publishedShape(shapes, "decoder.conv_more.0.weight", 4) as [number];
  return {
    imageChannels: undefined, // three channels, or one that is repeated
    classes,
    hiddenSize,
    mlpSize,
    heads: publishedHeads[hiddenSize],
    layers: countPublished(shapes, (layer) => `transformer.encoder.layer.${layer}.ffn.fc1.weight`),
    resnetUnits: [1, 2, 3].map((block) => countPublished(shapes, unit(block))),
    widthFactor: width! / 64,
    decoderChannels: decoder.map(([out]) => out),
    // A block whose input has more channels than the block before gave takes in a map of the ResNet.
    skips: decoder.filter(([, inputs], block) => inputs > (block === 0 ? before : decoder[block - 1]![0])).length,
    imageSize: 16 * Math.sqrt(tokens),
  };
}

/** The options of the `TransUNet` whose encoder one of Google's checkpoints is. Throws HidiffError `weights.names`. */
export function pretrainedTransUNetOptions(shapes: PublishedShapes): Record<string, unknown> {
  const [hiddenSize] = publishedShape(shapes, "Transformer/encoder_norm/scale", 1);
  return { imageChannels: undefined, classes: undefined, variant: hiddenSize === 1024 ? "r50-vit-l16" : "r50-vit-b16" };
}
