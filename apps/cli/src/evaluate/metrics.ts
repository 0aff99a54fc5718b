import type { MaskMetrics } from "@hidiff/metrics";

export type MetricName = keyof MaskMetrics;

/** A metric as tables show it. */
export interface MetricDescription {
  readonly name: MetricName;
  readonly label: string;
  /** Its name in files. */
  readonly column: string;
  readonly higherIsBetter: boolean;
  readonly decimals: number;
  /** Whether it is in the table for people. */
  readonly shown: boolean;
}

const overlap = { higherIsBetter: true, decimals: 4, shown: true } as const;
const distance = { higherIsBetter: false, decimals: 2 } as const;

/** The metrics in the order in which they are shown. */
const metricDescriptions: readonly MetricDescription[] = [
  { name: "dice", label: "Dice", column: "dice", ...overlap },
  { name: "intersectionOverUnion", label: "IoU", column: "iou", ...overlap },
  { name: "recall", label: "Recall", column: "recall", ...overlap },
  { name: "precision", label: "Precision", column: "precision", ...overlap },
  { name: "accuracy", label: "Accuracy", column: "accuracy", ...overlap },
  { name: "specificity", label: "Specificity", column: "specificity", ...overlap },
  { name: "hausdorffDistance95", label: "HD95", column: "hd95", ...distance, shown: true },
  { name: "averageSymmetricSurfaceDistance", label: "ASSD", column: "assd", ...distance, shown: true },
  { name: "hausdorffDistance", label: "Hausdorff", column: "hd", ...distance, shown: false },
  { name: "meanSurfaceDistance", label: "MSD", column: "msd", ...distance, shown: false },
];

/** Those that some scores have. */
export function presentMetrics(scores: MaskMetrics): MetricDescription[] {
  return metricDescriptions.filter(({ name }) => name in scores);
}
