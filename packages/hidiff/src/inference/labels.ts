import { keepLargestComponent } from "@hidiff/metrics";

/** > 0.5 for one class, else the class of the largest probability, the first of equals. */
export function labelMap(probability: Float32Array, classes: number): Uint8Array {
  if (classes === 1) return Uint8Array.from(probability, (value) => (value > 0.5 ? 1 : 0));
  return Uint8Array.from({ length: probability.length / classes }, (_, pixel) => {
    let best = 0;
    for (let c = 1; c < classes; c++) if (probability[pixel * classes + c]! > probability[pixel * classes + best]!) best = c;
    return best;
  });
}

/**
 * A label map with the largest connected component of each class, and background elsewhere.
 *
 * @param labels `[...shape]`
 * @param shape `[height, width]`, or `[depth, height, width]` for components in space
 */
export function keepLargestPerClass(labels: Uint8Array, shape: readonly number[], classes: number): Uint8Array {
  const result = new Uint8Array(labels.length);
  for (let label = 1; label < Math.max(classes, 2); label++) {
    const kept = keepLargestComponent(labels.map((value) => (value === label ? 1 : 0)), { shape });
    for (let index = 0; index < kept.length; index++) if (kept[index] === 1) result[index] = label;
  }
  return result;
}
