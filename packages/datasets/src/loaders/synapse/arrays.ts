import { HidiffError } from "@hidiff/core-tensor/errors";
import type { SegmentationCase } from "../../types.ts";
import { classNumbers, type LabelValues } from "../volume-cases/label-values.ts";

/** How far values may lie outside of [0, 1]: rounding of 16-bit numbers. */
const tolerance = 1e-3;

/**
 * The common shape of the arrays `image` and `label` as [depth, height, width].
 *
 * @param rank 2 for a slice, 3 for a volume [slices, height, width]
 * @throws `datasets.layout` for a missing array or a wrong number of axes, `datasets.size` where the shapes differ
 */
export function checkCaseShapes(
  path: string,
  image: readonly number[] | undefined,
  label: readonly number[] | undefined,
  rank: 2 | 3,
): [depth: number, height: number, width: number] {
  for (const [name, shape] of [["image", image], ["label", label]] as const) {
    if (shape === undefined) throw new HidiffError("datasets.layout", `load: "${path}" has no array "${name}"; expected "image" and "label". Copy the file again, or prepare it anew.`);
    if (shape.length !== rank || shape.includes(0)) {
      throw new HidiffError(
        "datasets.layout",
        `load: "${name}" in "${path}" has the shape [${shape.join(", ")}]; expected ${rank === 2 ? "[height, width]" : "[slices, height, width]"}. Prepare the file again.`,
      );
    }
  }
  if (image!.join() !== label!.join()) {
    throw new HidiffError(
      "datasets.size",
      `load: "image" and "label" in "${path}" have different shapes: [${image!.join(", ")}] and [${label!.join(", ")}]. Prepare the file again.`,
    );
  }
  const [depth, height, width] = rank === 2 ? [1, ...image!] : image!;
  if (depth === height && width !== height) {
    throw new HidiffError(
      "datasets.layout",
      `load: the arrays of "${path}" have the shape [${image!.join(", ")}], so that the slices seem to be the last axis; ` +
        `expected [slices, height, width]. Move that axis to the front.`,
    );
  }
  return [depth!, height!, width!];
}

/**
 * A case of decoded arrays of the given shape: values in [0, 1] and labels.
 *
 * @throws `datasets.values` for values that are not in [0, 1], `datasets.labels` for label values that are not expected
 */
export function arrayCase(
  id: string,
  path: string,
  [depth, height, width]: readonly [number, number, number],
  values: ArrayLike<number>,
  labelValues: ArrayLike<number>,
  labels: LabelValues,
): SegmentationCase {
  // In real files these are float32 already and are not copied.
  const image = values instanceof Float32Array ? values : Float32Array.from(values);
  for (const value of image) {
    if (value >= -tolerance && value <= 1 + tolerance) continue;
    throw new HidiffError(
      "datasets.values",
      `load: "image" in "${path}" holds the value ${value}; expected values in [0, 1]: Hounsfield units clipped to [-125, 275] and ` +
        `mapped to [0, 1]. Prepare the file again, or open the original CTs.`,
    );
  }
  const classes = classNumbers(labelValues, labels, path);
  const pixels = height * width;
  const part = <T extends Float32Array | Uint8Array>(data: T, index: number): T => {
    if (!Number.isInteger(index) || index < 0 || index >= depth) {
      throw new HidiffError("datasets.slice", `slice: "${path}" has the slices 0 to ${depth - 1}, got ${index}.`);
    }
    return data.slice(index * pixels, (index + 1) * pixels) as T;
  };
  return {
    id,
    image: { depth, height, width, channels: 1, spacing: [1, 1, 1], outside: [0], slice: (index) => part(image, index) },
    labels: { depth, height, width, slice: (index) => part(classes, index) },
  };
}
