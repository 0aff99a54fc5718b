import { HidiffError } from "@hidiff/core-tensor";
import type { ImageBatch } from "../segmentor.ts";

/** How far a probability may lie outside of [0, 1], and a pixel's sum over the classes from 1: rounding of other programs. */
const rangeTolerance = 1e-3;
const sumTolerance = 1e-2;

/**
 * Another program's probabilities, checked: clipped to [0, 1] and, for several classes, divided by their sum.
 *
 * @param values `[batch, height, width, classes]`
 * @param origin how errors call where they come from, such as "the predictor"
 * @returns an array of its own
 * @throws HidiffError `segmentor.prior` for another length, numbers outside of [0, 1] by more than 1e-3, and sums over several
 * classes that differ from 1 by more than 1e-2
 */
export function checkedPrior(values: Float32Array, images: ImageBatch, classes: number, origin: string): Float32Array {
  const { batch, height, width } = images;
  const length = batch * height * width * classes;
  const shape = `[${batch}, ${height}, ${width}, ${classes}] ([batch, height, width, classes])`;
  if (!(values instanceof Float32Array) || values.length !== length) {
    const came = values instanceof Float32Array ? values.length : Object.prototype.toString.call(values);
    throw new HidiffError("segmentor.prior", `Expected a Float32Array of ${length} probabilities ${shape} from ${origin}, got ${came}.`);
  }
  const wrong = values.findIndex((value) => !(value >= -rangeTolerance && value <= 1 + rangeTolerance));
  if (wrong !== -1) {
    throw new HidiffError(
      "segmentor.prior",
      `Expected probabilities in [0, 1] from ${origin}, got ${values[wrong]} at ${place(wrong, images, classes)}; ` +
        "apply a sigmoid or softmax to logits, and divide masks of 0 and 255 by 255.",
    );
  }
  const clipped = values.map((value) => Math.min(1, Math.max(0, value)));
  if (classes > 1) normalize(clipped, images, classes, origin);
  return clipped;
}

/** Divides each pixel's probabilities by their sum, in place. */
function normalize(values: Float32Array, images: ImageBatch, classes: number, origin: string): void {
  for (let start = 0; start < values.length; start += classes) {
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += values[start + c]!;
    if (Math.abs(sum - 1) > sumTolerance) {
      throw new HidiffError(
        "segmentor.prior",
        `Expected the probabilities of ${classes} classes from ${origin} to sum to 1, got ${sum} at ${place(start, images, classes)}; ` +
          "the background is a class, and masks are one-hot.",
      );
    }
    for (let c = 0; c < classes; c++) values[start + c] = values[start + c]! / sum;
  }
}

function place(index: number, { height, width }: ImageBatch, classes: number): string {
  const pixel = Math.floor(index / classes);
  const row = Math.floor(pixel / width) % height;
  return `image ${Math.floor(pixel / (height * width))}, row ${row}, column ${pixel % width}, class ${index % classes}`;
}
