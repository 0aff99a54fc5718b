import { HidiffError } from "@hidiff/core-tensor";

/** Shapes of a checkpoint's arrays in PyTorch's layout, by published name. */
export type PublishedShapes = ReadonlyMap<string, readonly number[]>;

/**
 * The shape of an array of a checkpoint, of so many axes.
 *
 * @throws HidiffError `weights.names`
 */
export function publishedShape(shapes: PublishedShapes, name: string, rank: number): readonly number[] {
  const shape = shapes.get(name);
  if (shape?.length === rank) return shape;
  const came = shape === undefined ? "which it lacks" : `but it is [${shape}]`;
  throw new HidiffError("weights.names", `The checkpoint is of another architecture: expected ${name} with ${rank} axes, ${came}.`);
}

/** How many numbers from 0 on have a name in the checkpoint. */
export function countPublished(shapes: PublishedShapes, name: (index: number) => string): number {
  let count = 0;
  while (shapes.has(name(count))) count++;
  return count;
}
