import { HidiffError } from "@hidiff/core-tensor/errors";
import { geometryDifference } from "./geometry.ts";
import { describeShape, type Volume } from "./volume.ts";

/**
 * Checks that `labels` is a label map on the grid of `image`: one channel, the same shape, the same place in the patient,
 * and voxels that are whole numbers from 0 to 255.
 *
 * @param tolerance of spacing and origin in millimetres, of direction cosines as they are
 * @throws `datasets.labels` that names both files and says what differs
 */
export function checkLabels(image: Volume, labels: Volume, tolerance: number): void {
  const fail = (text: string): never => {
    throw new HidiffError("datasets.labels", `labels: "${labels.path}" does not fit to "${image.path}": ${text}`);
  };
  if (labels.channels !== 1) fail(`expected one channel of class numbers, got ${labels.channels}. Choose one: readVolume(path, { channel }).`);
  if (labels.shape.some((size, axis) => size !== image.shape[axis])) {
    fail(`expected ${describeShape(image.shape)} voxels, got ${describeShape(labels.shape)}. Resample the labels to the image's grid (nearest neighbour).`);
  }
  const difference = geometryDifference(image.geometry, labels.geometry, tolerance);
  if (difference !== undefined) fail(`${difference}. If they belong together, copy the image's header; else resample the labels to its grid.`);
  const { data, slope, intercept } = labels;
  let count = 0;
  const examples = new Set<number>();
  for (let index = 0; index < data.length; index++) {
    const value = data[index]! * slope + intercept;
    const nearest = Math.round(value);
    // A scale in float32 may miss whole numbers a little.
    if (nearest >= 0 && nearest <= 255 && Math.abs(value - nearest) <= (slope === 1 && intercept === 0 ? 0 : 1e-4)) continue;
    count++;
    if (examples.size < 5) examples.add(value);
  }
  if (count > 0) {
    fail(
      `expected class numbers from 0 to 255, but ${count} of ${data.length} voxels have other values, such as ${[...examples].join(", ")}. ` +
        "Convert them to class numbers first; an image or a probability map is no label map.",
    );
  }
}
