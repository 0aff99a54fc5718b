/** Masks of a sample from class numbers: [height, width] to [height, width, classes] of 0 and 1. */
export function labelsToMask(labels: Uint8Array, classes: number): Float32Array {
  if (classes === 1) return Float32Array.from(labels);
  const mask = new Float32Array(labels.length * classes);
  for (let pixel = 0; pixel < labels.length; pixel++) mask[pixel * classes + labels[pixel]!] = 1;
  return mask;
}

/** The opposite of {@link labelsToMask}, for several classes. */
export function maskToLabels(mask: Float32Array, classes: number): Uint8Array {
  const labels = new Uint8Array(mask.length / classes);
  for (let pixel = 0, i = 0; pixel < labels.length; pixel++, i += classes) {
    for (let label = 1; label < classes; label++) if (mask[i + label] === 1) labels[pixel] = label;
  }
  return labels;
}
