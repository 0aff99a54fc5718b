import { MetricsError } from "./errors.ts";

/**
 * The mask of one class of a label map.
 *
 * @param labels class numbers `[...spatial]`, whole numbers
 * @param label the class
 * @returns `[...spatial]`, 1 where the label map has this class
 * @throws MetricsError `metrics.label-values` if an element is not a whole number
 */
export function classMask(labels: ArrayLike<number>, label: number): Uint8Array {
  const mask = new Uint8Array(labels.length);
  for (let index = 0; index < labels.length; index++) {
    const value = labels[index]!;
    if (!Number.isInteger(value)) {
      throw new MetricsError(
        "metrics.label-values",
        `classMask: expected whole class numbers, got ${value} at index ${index}. Take the argmax of probabilities first.`,
      );
    }
    mask[index] = value === label ? 1 : 0;
  }
  return mask;
}

/**
 * The mask of one channel of a one-hot map.
 *
 * @param oneHot `[...spatial, classes]`, elements 0 or 1 (checked where the mask is used)
 * @param channel in [0, `channels`)
 * @param channels the number of classes
 * @returns `[...spatial]`
 * @throws MetricsError `metrics.length`, `metrics.classes`
 */
export function channelMask(oneHot: ArrayLike<number>, channel: number, channels: number): Float64Array {
  if (!Number.isInteger(channel) || channel < 0 || channel >= channels) {
    throw new MetricsError("metrics.classes", `channelMask: expected a channel in [0, ${channels}), got ${channel}.`);
  }
  if (oneHot.length % channels !== 0) {
    throw new MetricsError(
      "metrics.length",
      `channelMask: expected a multiple of ${channels} elements ([...spatial, classes]), got ${oneHot.length}. ` +
        "Is the channel axis the last one?",
    );
  }
  return Float64Array.from({ length: oneHot.length / channels }, (_, index) => oneHot[index * channels + channel]!);
}
