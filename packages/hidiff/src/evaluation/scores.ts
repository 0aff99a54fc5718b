import { classMask, evaluateLabelMaps, evaluateObjects, type MaskMetrics, type ObjectEvaluation, type ObjectMetrics } from "@hidiff/metrics";
import type { EvaluatedClass } from "./class-mapping.ts";

/** The metrics of small objects: those of single objects, which accuracy and specificity are not. */
export type SmallObjectMetrics = Readonly<Partial<Omit<MaskMetrics, "accuracy" | "specificity">>>;

/** How a mask does on the small objects of the truth. */
export interface SmallObjectScores {
  /** Small objects of the truth. */
  readonly count: number;
  /** Those that the mask touches. */
  readonly detectedCount: number;
  /** Small objects of the mask that touch none of the truth. */
  readonly spuriousCount: number;
  /** Each metric's mean over the objects for which it is defined; nothing without objects. */
  readonly metrics: SmallObjectMetrics;
}

/** The scores of one label map. */
export interface LabelMapScores {
  /** Mean over the classes. */
  readonly mean: MaskMetrics;
  /** In the order of the classes. */
  readonly perClass: readonly MaskMetrics[];
  /** In the order of the classes; empty unless small objects were asked for. */
  readonly smallObjects: readonly ObjectEvaluation[];
}

export interface ScoringOptions {
  readonly classes: readonly EvaluatedClass[];
  /** `[height, width]` or `[depth, height, width]`. */
  readonly shape: readonly number[];
  /** Distances between voxels along the shape's axes, in millimetres. */
  readonly spacing: readonly number[];
  /** Where scores count, of the same shape; everywhere if absent. */
  readonly region: Uint8Array | undefined;
  readonly surface: boolean;
  /** Objects with fewer voxels than this are small. */
  readonly sizeThreshold: number | undefined;
}

/** Scores labels against the truth, class by class. Both have the shape of the options. */
export function scoreLabels(labels: Uint8Array, truth: Uint8Array, options: ScoringOptions): LabelMapScores {
  const { classes, shape, spacing, region, surface, sizeThreshold } = options;
  const { mean, perClass } = evaluateLabelMaps(labels, truth, {
    classes: classes.map(({ label }) => label),
    ...(region === undefined ? {} : { region }),
    ...(surface ? { surface: { shape, spacing } } : {}),
  });
  const objectsOf = (label: number): ObjectEvaluation =>
    evaluateObjects(within(classMask(labels, label), region), within(classMask(truth, label), region), {
      shape,
      sizeThreshold,
      ...(surface ? { surface: { spacing } } : {}),
    });
  return {
    mean,
    perClass: perClass.map(({ metrics }) => metrics),
    smallObjects: sizeThreshold === undefined ? [] : classes.map(({ label }) => objectsOf(label)),
  };
}

function within(mask: Uint8Array, region: Uint8Array | undefined): Uint8Array {
  return region === undefined ? mask : mask.map((value, index) => value * region[index]!);
}

/** Puts the objects of several masks together. */
export function summarizeObjects(evaluations: readonly ObjectEvaluation[]): SmallObjectScores {
  const objects = evaluations.flatMap((evaluation) => evaluation.objects);
  const total = (pick: (evaluation: ObjectEvaluation) => number): number => evaluations.reduce((sum, evaluation) => sum + pick(evaluation), 0);
  return {
    count: objects.length,
    detectedCount: total(({ detectedCount }) => detectedCount),
    spuriousCount: total(({ spuriousCount }) => spuriousCount),
    metrics: meanMetrics(objects),
  };
}

function meanMetrics(objects: readonly ObjectMetrics[]): SmallObjectMetrics {
  const names = Object.keys(objects[0]?.metrics ?? {}) as (keyof ObjectMetrics["metrics"])[];
  return Object.fromEntries(
    names.map((name) => {
      const defined = objects.map(({ metrics }) => metrics[name]).filter((value) => value !== undefined);
      return [name, defined.length === 0 ? undefined : defined.reduce((sum, value) => sum + value, 0) / defined.length];
    }),
  );
}
