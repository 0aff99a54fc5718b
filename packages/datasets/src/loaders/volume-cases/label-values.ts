import { HidiffError } from "@hidiff/core-tensor/errors";
import type { LabelStack } from "../../types.ts";

/** How the numbers in a label file become class numbers. */
export interface LabelValues {
  /** File value → class. Every value in a file must be among them. */
  readonly values: ReadonlyMap<number, number>;
  /** What to do about other values; ends the error. */
  readonly remedy: string;
}

/**
 * The values that occur in `data`, times `slope` plus `intercept`. Stops after a few hundred: no label map has so many.
 */
export function distinctValues(data: ArrayLike<number>, slope: number = 1, intercept: number = 0): number[] {
  const found = new Set<number>();
  let last: number | undefined;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value === last) continue;
    last = value;
    found.add(value);
    if (found.size > 512) break;
  }
  return [...found].map((value) => real(value, slope, intercept)).sort((a, b) => a - b);
}

/** @throws `datasets.labels` naming the file and the values that are not among `labels.values` */
export function checkLabelValues(found: readonly number[], labels: LabelValues, path: string): void {
  const unknown = found.filter((value) => !labels.values.has(value));
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, 8).join(", ") + (unknown.length > 8 ? ", …" : "");
  throw new HidiffError(
    "datasets.labels",
    `load: the label file "${path}" holds the value${unknown.length === 1 ? "" : "s"} ${shown}; ` +
      `expected only ${[...labels.values.keys()].join(", ")}. ${labels.remedy}`,
  );
}

/**
 * Class numbers of label values, one byte each.
 *
 * @throws `datasets.labels` naming the file and the values that are not among `labels.values`
 */
export function classNumbers(data: ArrayLike<number>, labels: LabelValues, path: string): Uint8Array {
  checkLabelValues(distinctValues(data), labels, path);
  const classes = new Uint8Array(data.length);
  let last: number | undefined;
  let current = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value !== last) {
      last = value;
      current = labels.values.get(real(value, 1, 0))!;
    }
    classes[i] = current;
  }
  return classes;
}

/** A stack whose values are class numbers: those of `stack`, which are among `values`, mapped slice by slice. */
export function mapLabels(stack: LabelStack, values: ReadonlyMap<number, number>): LabelStack {
  if ([...values].every(([value, label]) => value === label)) return stack;
  const table = new Uint8Array(256);
  for (const [value, label] of values) table[value] = label;
  return {
    depth: stack.depth,
    height: stack.height,
    width: stack.width,
    slice: (index) => {
      const slice = stack.slice(index);
      for (let i = 0; i < slice.length; i++) slice[i] = table[slice[i]!]!;
      return slice;
    },
  };
}

/** A stored value in real units. Scale factors are rounded numbers, so that whole values may be missed by a little. */
function real(value: number, slope: number, intercept: number): number {
  const scaled = value * slope + intercept;
  const whole = Math.round(scaled);
  return Math.abs(scaled - whole) < 1e-5 ? whole + 0 : scaled;
}
