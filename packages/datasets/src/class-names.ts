import type { SegmentationDataset } from "./types.ts";

/** The names of a data set's classes by label, the background first, also where there is only one class. */
export function namesByLabel({ classes, classNames }: Pick<SegmentationDataset, "classes" | "classNames">): readonly string[] {
  return classes === 1 ? ["background", ...classNames.slice(-1)] : classNames;
}
