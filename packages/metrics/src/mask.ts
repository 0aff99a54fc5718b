import { MetricsError } from "./errors.ts";

/** A flattened binary mask: 1 is foreground, 0 is background. */
export type Mask = ArrayLike<number>;

/**
 * The mask as bytes; a `Uint8Array` is returned as it is, without a copy.
 *
 * @throws MetricsError `metrics.mask-values` if an element is neither 0 nor 1, `metrics.length` if the length differs
 */
export function binaryMask(operation: string, name: string, mask: Mask, length: number = mask.length): Uint8Array {
  if (mask.length !== length) {
    throw new MetricsError(
      "metrics.length",
      `${operation}: expected ${length} elements in the ${name}, got ${mask.length}. ` +
        "Prediction, truth, region and shape must describe the same grid; resample one of them first.",
    );
  }
  const bytes = mask instanceof Uint8Array ? mask : new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const value = mask[index]!;
    if (value !== 0 && value !== 1) {
      throw new MetricsError(
        "metrics.mask-values",
        `${operation}: expected only 0 and 1 in the ${name}, got ${value} at index ${index}. ` +
          "Threshold probabilities first; for a label map use evaluateLabelMaps or classMask(labels, label).",
      );
    }
    if (bytes !== mask) bytes[index] = value;
  }
  return bytes;
}
