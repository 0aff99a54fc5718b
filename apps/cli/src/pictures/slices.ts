import type { LabelStack } from "@hidiff/datasets";

/** The slice that shows the most foreground: the first such, or the middle one without any. */
export function fullestSlice(labels: LabelStack): number {
  let [best, most] = [Math.floor(labels.depth / 2), 0];
  for (let index = 0; index < labels.depth; index++) {
    const count = labels.slice(index).reduce((sum, label) => sum + (label === 0 ? 0 : 1), 0);
    if (count > most) [best, most] = [index, count];
  }
  return best;
}
