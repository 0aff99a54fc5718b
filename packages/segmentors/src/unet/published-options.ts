import { publishedShape, type PublishedShapes } from "../published-shapes.ts";

/** The options of the `UNet` that a published checkpoint is of. Throws HidiffError `weights.names`. */
export function publishedUNetOptions(shapes: PublishedShapes): Record<string, unknown> {
  const [baseWidth, imageChannels] = publishedShape(shapes, "inc.double_conv.0.weight", 4);
  const [classes] = publishedShape(shapes, "outc.conv.weight", 4);
  const downs = [1, 2, 3, 4, 5].filter((level) => shapes.has(`down${level}.maxpool_conv.1.double_conv.0.weight`));
  return { imageChannels, classes, baseWidth, depth: downs.length, up: shapes.has("up1.up.weight") ? "transposed" : "bilinear" };
}
