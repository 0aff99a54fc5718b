import { connectedComponents, type Components, type ComponentOptions } from "./connected-components.ts";
import { MetricsError } from "./errors.ts";
import { evaluateMask, type OverlapMetrics, type SurfaceMetrics } from "./evaluate.ts";
import { gridOf, type Grid } from "./geometry.ts";
import type { Mask } from "./mask.ts";
import type { SurfaceMetricOptions } from "./surface.ts";

export interface SmallObjectOptions extends ComponentOptions {
  /** Objects with fewer elements than this are small. */
  readonly sizeThreshold: number;
}

/**
 * The mask reduced to its small objects, an object being a connected component.
 *
 * @param mask `[height, width]` or `[depth, height, width]`, flattened, 0 or 1
 * @returns a new mask of the same shape
 * @throws MetricsError `metrics.threshold`, and as {@link connectedComponents}
 */
export function keepSmallObjects(mask: Mask, { sizeThreshold, ...options }: SmallObjectOptions): Uint8Array {
  checkThreshold("keepSmallObjects", sizeThreshold);
  const { labels, sizes } = connectedComponents(mask, options);
  return Uint8Array.from(labels, (label) => (label !== 0 && sizes[label - 1]! < sizeThreshold ? 1 : 0));
}

export interface ObjectMetricsOptions extends ComponentOptions {
  /** Only objects with fewer elements than this are evaluated; all objects if absent. */
  readonly sizeThreshold?: number | undefined;
  /** Asks for the surface metrics of each object. */
  readonly surface?: ({ readonly spacing?: readonly number[] | undefined } & SurfaceMetricOptions) | undefined;
}

/** One object of the truth against what the prediction has for it. */
export interface ObjectMetrics {
  /** Elements of the object in the truth. */
  readonly size: number;
  /** Whether the prediction touches the object. */
  readonly detected: boolean;
  readonly metrics: Omit<OverlapMetrics, "accuracy" | "specificity"> & Partial<SurfaceMetrics>;
}

export interface ObjectEvaluation {
  /** In the row-major order of the objects' first elements. */
  readonly objects: readonly ObjectMetrics[];
  readonly detectedCount: number;
  /** Predicted objects below the threshold that touch no object of the truth. */
  readonly spuriousCount: number;
}

/**
 * Metrics per object of the truth, for all objects or for the small ones only.
 *
 * An object is compared with the predicted components that overlap it, less what these share with other objects of the
 * truth. An object that no component overlaps has Dice 0 and an undefined precision. Accuracy and specificity would
 * depend on how much background is counted and are left out.
 *
 * @param prediction `[height, width]` or `[depth, height, width]`, flattened, 0 or 1
 * @param truth of the same shape
 * @throws MetricsError `metrics.threshold`, and as {@link connectedComponents} and {@link evaluateMask}
 */
export function evaluateObjects(prediction: Mask, truth: Mask, options: ObjectMetricsOptions): ObjectEvaluation {
  const { sizeThreshold = Infinity, surface, shape } = options;
  checkThreshold("evaluateObjects", sizeThreshold);
  const grid = gridOf("evaluateObjects", { shape, spacing: surface?.spacing });
  const predicted = connectedComponents(prediction, options);
  const expected = connectedComponents(truth, options);
  const matches = overlaps(predicted, expected);
  const predictedBoxes = componentBoxes(predicted, grid);
  const objects = componentBoxes(expected, grid).flatMap((box, index): ObjectMetrics[] => {
    const size = expected.sizes[index]!;
    if (size >= sizeThreshold) return [];
    const matched = matches[index]!;
    const around = [...matched].reduce((joined, label) => union(joined, predictedBoxes[label - 1]!), box);
    const cut = cutOut(around, grid, predicted, expected, matched, index + 1);
    const { accuracy: _accuracy, specificity: _specificity, ...metrics } = evaluateMask(cut.prediction, cut.truth, {
      surface: surface === undefined ? undefined : { ...surface, shape: cut.shape },
    });
    return [{ size, detected: matched.size > 0, metrics }];
  });
  const touching = new Set(matches.flatMap((labels) => [...labels]));
  return {
    objects,
    detectedCount: objects.filter(({ detected }) => detected).length,
    spuriousCount: predicted.sizes.filter((size, index) => size < sizeThreshold && !touching.has(index + 1)).length,
  };
}

function checkThreshold(operation: string, sizeThreshold: number): void {
  if (sizeThreshold > 0) return;
  throw new MetricsError(
    "metrics.threshold",
    `${operation}: expected a sizeThreshold above 0, in elements, got ${sizeThreshold}.`,
  );
}

/** For each component of the truth, the predicted components that share an element with it. */
function overlaps(predicted: Components, expected: Components): Set<number>[] {
  const matches = expected.sizes.map(() => new Set<number>());
  for (let index = 0; index < expected.labels.length; index++) {
    const truthLabel = expected.labels[index]!;
    const predictedLabel = predicted.labels[index]!;
    if (truthLabel !== 0 && predictedLabel !== 0) matches[truthLabel - 1]!.add(predictedLabel);
  }
  return matches;
}

/** First (inclusive) and last (exclusive) place along depth, height and width. */
interface Box {
  readonly start: [z: number, y: number, x: number];
  readonly end: [z: number, y: number, x: number];
}

function componentBoxes({ labels, sizes }: Components, { depth, height, width }: Grid): Box[] {
  const boxes = sizes.map((): Box => ({ start: [depth, height, width], end: [0, 0, 0] }));
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    if (label === 0) continue;
    const { start, end } = boxes[label - 1]!;
    const row = Math.floor(index / width);
    const place = [Math.floor(row / height), row % height, index % width] as const;
    for (const axis of [0, 1, 2] as const) {
      start[axis] = Math.min(start[axis], place[axis]);
      end[axis] = Math.max(end[axis], place[axis] + 1);
    }
  }
  return boxes;
}

function union(first: Box, second: Box): Box {
  const [z, y, x] = first.start;
  const [endZ, endY, endX] = first.end;
  return {
    start: [Math.min(z, second.start[0]), Math.min(y, second.start[1]), Math.min(x, second.start[2])],
    end: [Math.max(endZ, second.end[0]), Math.max(endY, second.end[1]), Math.max(endX, second.end[2])],
  };
}

/** One object of the truth and its matched components within a box. */
function cutOut(
  { start, end }: Box,
  { rank, height, width }: Grid,
  predicted: Components,
  expected: Components,
  matched: ReadonlySet<number>,
  object: number,
): { readonly shape: readonly number[]; readonly prediction: Uint8Array; readonly truth: Uint8Array } {
  const shape = [end[0] - start[0], end[1] - start[1], end[2] - start[2]] as const;
  const prediction = new Uint8Array(shape[0] * shape[1] * shape[2]);
  const truth = new Uint8Array(prediction.length);
  let target = 0;
  for (let z = start[0]; z < end[0]; z++) {
    for (let y = start[1]; y < end[1]; y++) {
      for (let x = start[2]; x < end[2]; x++, target++) {
        const source = (z * height + y) * width + x;
        const truthLabel = expected.labels[source]!;
        if (truthLabel === object) truth[target] = 1;
        const allowed = truthLabel === 0 || truthLabel === object;
        if (allowed && matched.has(predicted.labels[source]!)) prediction[target] = 1;
      }
    }
  }
  return { shape: shape.slice(3 - rank), prediction, truth };
}
