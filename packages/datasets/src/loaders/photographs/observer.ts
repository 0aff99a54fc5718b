import { HidiffError } from "@hidiff/core-tensor/errors";

/** Whose annotations are taken: the first observer's unless chosen. Throws `datasets.option` for anything but 1 and 2. */
export function observerOf(operation: string, observer: 1 | 2 = 1): 1 | 2 {
  if (observer === 1 || observer === 2) return observer;
  throw new HidiffError("datasets.option", `${operation}: observer must be 1 or 2, got ${String(observer)}.`);
}
