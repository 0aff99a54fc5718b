import type { ImageStack } from "../../types.ts";
import { type Box, cropTo } from "../crop.ts";
import { onto, type StepInput, type StepOf, type StepOutput } from "./step.ts";

/**
 * Cuts out the smallest box, in three dimensions, that holds every voxel with a value above `above` in any channel, with
 * `margin` voxels around it where the image has them. The whole image stays where there is no such voxel. The box is
 * found by one pass over the slices when it is first needed.
 */
export function cropForeground(input: StepInput, { above, margin }: StepOf<"crop-foreground">): StepOutput {
  return onto(
    input,
    cropTo(input.image, () => foregroundBox(input.image, above, margin)),
  );
}

function foregroundBox(image: ImageStack, above: number, margin: number): Box {
  const { depth, height, width, channels } = image;
  const slices: Extent = { first: Infinity, last: -Infinity };
  const rows: Extent = { first: Infinity, last: -Infinity };
  const columns: Extent = { first: Infinity, last: -Infinity };
  for (let index = 0; index < depth; index++) {
    const data = image.slice(index);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < channels; channel++) {
          if (!(data[i++]! > above)) continue; // also for what is not a number
          include(slices, index);
          include(rows, y);
          include(columns, x);
        }
      }
    }
  }
  const [front, boxDepth] = widened(slices, depth, margin);
  const [top, boxHeight] = widened(rows, height, margin);
  const [left, boxWidth] = widened(columns, width, margin);
  return { front, top, left, depth: boxDepth, height: boxHeight, width: boxWidth };
}

interface Extent {
  first: number;
  last: number;
}

function include(extent: Extent, index: number): void {
  if (index < extent.first) extent.first = index;
  if (index > extent.last) extent.last = index;
}

/** Start and length with the margin; the whole axis where nothing was found. */
function widened({ first, last }: Extent, length: number, margin: number): [start: number, length: number] {
  if (last < first) return [0, length];
  const start = Math.max(0, first - margin);
  return [start, Math.min(length, last + 1 + margin) - start];
}
