/** The probabilities of what is background for sure: 0 for one class, else 1 for the background and 0 for the others. */
export function backgroundProbabilities(classes: number): number[] {
  return Array.from({ length: classes }, (_, label) => (classes > 1 && label === 0 ? 1 : 0));
}

/**
 * Makes probabilities of numbers that are nearly some, in place: limited to [0, 1], and of several classes divided by their
 * sum; what sums to 0 becomes background.
 *
 * @param values [pixels, classes]
 */
export function normalizeProbabilities(values: Float32Array, classes: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i]!, 0), 1);
  if (classes === 1) return;
  for (let first = 0; first < values.length; first += classes) {
    let sum = 0;
    for (let label = 0; label < classes; label++) sum += values[first + label]!;
    if (sum === 0) values[first] = 1;
    else if (sum !== 1) for (let label = 0; label < classes; label++) values[first + label] = values[first + label]! / sum;
  }
}
