import { publishedShape, type PublishedShapes } from "../published-shapes.ts";

/** The options of the `AttentionUNet` that a checkpoint is of. Throws HidiffError `weights.names`. */
export function publishedAttentionUNetOptions(shapes: PublishedShapes): Record<string, unknown> {
  const [baseWidth, imageChannels] = publishedShape(shapes, "Conv1.conv.0.weight", 4);
  const [classes] = publishedShape(shapes, "Conv_1x1.weight", 4);
  return { imageChannels, classes, baseWidth };
}
