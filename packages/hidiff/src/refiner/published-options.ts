import { publishedShape, type PublishedShapes } from "@hidiff/segmentors";

/**
 * The options of the `Refiner` that a published checkpoint is of. Whether it was trained binarized cannot be seen: it has the
 * same parameters either way. Throws HidiffError `weights.names`.
 */
export function publishedRefinerOptions(shapes: PublishedShapes): Record<string, unknown> {
  const [baseWidth, inputs] = publishedShape(shapes, "input_conv.weight", 4) as [number, number];
  const [classes] = publishedShape(shapes, "out.2.weight", 4) as [number];
  const feature = (block: string): number => publishedShape(shapes, `${block}.condition_conv.in_layers.2.weight`, 4)[1]!;
  const crossTransformer = shapes.has("cross1.condition_conv.in_layers.2.weight");
  // Without the cross-transformer nothing takes in the fourth map.
  const featureChannels = [...["concat1", "concat2", "concat3"].map(feature), crossTransformer ? feature("cross1") : feature("concat3")];
  return { imageChannels: inputs - 2 * classes, classes, featureChannels, baseWidth, crossTransformer, tokenOrder: "published" };
}
