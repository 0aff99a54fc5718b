import { createHash } from "node:crypto";
import type { ImageStack, LabelStack, SegmentationCase, SplitName } from "../types.ts";

/** The values of one channel over all slices, in the file's own units. */
export interface IntensityFacts {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  readonly standardDeviation: number;
}

/** What can be said of one case after reading it. */
export interface CaseFacts {
  readonly id: string;
  readonly split: SplitName;
  /** Its patient or sequence, where the data set tells. */
  readonly group: string | undefined;
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  /** Along depth, height and width, in millimetres. */
  readonly spacing: readonly [number, number, number];
  /** One entry a channel. */
  readonly intensities: readonly IntensityFacts[];
  /** The number of pixels (voxels) of each class, the background first. */
  readonly classPixels: readonly number[];
  /** The slice with most foreground, the middle one where there is none. */
  readonly bestSlice: number;
  /** SHA-256 of the decoded pixels: equal for equal images, whatever their file's name or compression. */
  readonly imageHash: string;
  readonly maskHash: string;
}

/** Reads every slice of a case once. @param classes the number of classes with the background, at least 2 */
export function caseFacts(item: SegmentationCase, place: { readonly split: SplitName; readonly group: string | undefined; readonly classes: number }): CaseFacts {
  const { image, labels } = item;
  const pixels = imageFacts(image);
  const classes = labelFacts(labels, place.classes);
  return {
    id: item.id,
    split: place.split,
    group: place.group,
    depth: image.depth,
    height: image.height,
    width: image.width,
    spacing: image.spacing,
    ...pixels,
    ...classes,
  };
}

function imageFacts(image: ImageStack): Pick<CaseFacts, "intensities" | "imageHash"> {
  const { depth, height, width, channels } = image;
  const hash = createHash("sha256").update(`${depth},${height},${width},${channels};`);
  const minimum = new Float64Array(channels).fill(Infinity);
  const maximum = new Float64Array(channels).fill(-Infinity);
  const sum = new Float64Array(channels);
  // Squares of the distance to the first pixel, so that a large mean does not cost precision.
  const squares = new Float64Array(channels);
  const first = new Float64Array(channels);
  for (let index = 0; index < depth; index++) {
    const slice = image.slice(index);
    hash.update(new Uint8Array(slice.buffer, slice.byteOffset, slice.byteLength));
    if (index === 0) first.set(slice.subarray(0, channels));
    for (let i = 0; i < slice.length; ) {
      for (let channel = 0; channel < channels; channel++, i++) {
        const value = slice[i]!;
        if (value < minimum[channel]!) minimum[channel] = value;
        if (value > maximum[channel]!) maximum[channel] = value;
        const distance = value - first[channel]!;
        sum[channel]! += distance;
        squares[channel]! += distance * distance;
      }
    }
  }
  const count = depth * height * width;
  const intensities = Array.from({ length: channels }, (_, channel): IntensityFacts => {
    const shift = sum[channel]! / count;
    return {
      minimum: minimum[channel]!,
      maximum: maximum[channel]!,
      mean: first[channel]! + shift,
      standardDeviation: Math.sqrt(Math.max(0, squares[channel]! / count - shift * shift)),
    };
  });
  return { intensities, imageHash: hash.digest("hex") };
}

function labelFacts(labels: LabelStack, classes: number): Pick<CaseFacts, "classPixels" | "bestSlice" | "maskHash"> {
  const { depth, height, width } = labels;
  const hash = createHash("sha256").update(`${depth},${height},${width};`);
  const counts = new Array<number>(classes).fill(0);
  let bestSlice = depth >> 1;
  let most = 0;
  for (let index = 0; index < depth; index++) {
    const slice = labels.slice(index);
    hash.update(slice);
    let foreground = 0;
    for (const label of slice) {
      counts[label] = (counts[label] ?? 0) + 1;
      if (label !== 0) foreground++;
    }
    if (foreground > most) [most, bestSlice] = [foreground, index];
  }
  return { classPixels: counts, bestSlice, maskHash: hash.digest("hex") };
}
