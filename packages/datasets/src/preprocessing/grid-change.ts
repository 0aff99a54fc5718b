import type { ImageStack, LabelStack } from "../types.ts";

/** How a spatial step moves voxels, and moves them back. The stacks must have the sizes that the step takes and makes. */
export interface GridChange {
  /** The step's image: an image of the step's input grid on its output grid. */
  image(stack: ImageStack): ImageStack;
  /** Maps of the input grid, such as probabilities, on the output grid, linearly. */
  map(stack: ImageStack): ImageStack;
  /** Labels of the input grid on the output grid, by the nearest voxel. */
  labels(stack: LabelStack): LabelStack;
  /** Labels of the output grid on the input grid, by the nearest voxel; 0 where a crop took voxels away. */
  restoreLabels(stack: LabelStack): LabelStack;
  /** Maps of the output grid on the input grid, linearly; the stack's `outside` where a crop took voxels away. */
  restoreMap(stack: ImageStack): ImageStack;
}
