import { distancesAt } from "./distance-transform.ts";
import { MetricsError } from "./errors.ts";
import { elementCount, gridOf, type Geometry, type Grid } from "./geometry.ts";
import { binaryMask, type Mask } from "./mask.ts";
import { quantile } from "./quantile.ts";

/** Distances between the surfaces of two masks, from {@link surfaceDistances}. */
export interface SurfaceDistances {
  /** Which mask has no foreground. The distances are empty unless this is `"neither"`. */
  readonly empty: "neither" | "prediction" | "truth" | "both";
  /** Per surface element of the prediction, the distance to the nearest surface element of the truth. */
  readonly predictionToTruth: Float64Array;
  /** Per surface element of the truth, the distance to the nearest surface element of the prediction. */
  readonly truthToPrediction: Float64Array;
}

export interface SurfaceMetricOptions {
  /** The value if exactly one mask is empty, finite and not negative; without it such a pair has no value. */
  readonly emptyPenalty?: number | undefined;
}

/**
 * The distances on which all surface metrics rest.
 *
 * A surface element is a foreground element with a background neighbour across a face; outside the grid is background.
 * Linear in the size of the bounding box of both masks.
 *
 * @param prediction `[height, width]` or `[depth, height, width]`, flattened, 0 or 1
 * @param truth of the same shape
 * @throws MetricsError `metrics.shape`, `metrics.spacing`, `metrics.length`, `metrics.mask-values`
 */
export function surfaceDistances(prediction: Mask, truth: Mask, geometry: Geometry): SurfaceDistances {
  const grid = gridOf("surfaceDistances", geometry);
  const predicted = binaryMask("surfaceDistances", "prediction", prediction, elementCount(grid));
  const expected = binaryMask("surfaceDistances", "truth", truth, elementCount(grid));
  const noPrediction = !predicted.includes(1);
  const noTruth = !expected.includes(1);
  if (noPrediction || noTruth) {
    const empty = noPrediction ? (noTruth ? "both" : "prediction") : "truth";
    return { empty, predictionToTruth: new Float64Array(0), truthToPrediction: new Float64Array(0) };
  }
  const box = boundingBox(predicted, expected, grid);
  const predictedSurface = surfaceIn(box, predicted, grid);
  const expectedSurface = surfaceIn(box, expected, grid);
  return {
    empty: "neither",
    predictionToTruth: distancesAt(predictedSurface.elements, predictedSurface.count, expectedSurface.elements, box.grid),
    truthToPrediction: distancesAt(expectedSurface.elements, expectedSurface.count, predictedSurface.elements, box.grid),
  };
}

/**
 * The 95th percentile, with linear interpolation, of the distances of both directions pooled, in the units of the
 * spacing. Both masks empty: 0; one empty: `emptyPenalty`, or undefined without it.
 *
 * @throws MetricsError `metrics.penalty`
 */
export function hausdorffDistance95(distances: SurfaceDistances, options: SurfaceMetricOptions = {}): number | undefined {
  return unlessEmpty("hausdorffDistance95", distances, options, (toTruth, toPrediction) => {
    const pooled = new Float64Array(toTruth.length + toPrediction.length);
    pooled.set(toTruth);
    pooled.set(toPrediction, toTruth.length);
    return quantile(pooled.sort(), 0.95);
  });
}

/** The largest distance of both directions. Units, empty masks and errors as for {@link hausdorffDistance95}. */
export function hausdorffDistance(distances: SurfaceDistances, options: SurfaceMetricOptions = {}): number | undefined {
  return unlessEmpty("hausdorffDistance", distances, options, (toTruth, toPrediction) =>
    Math.max(largest(toTruth), largest(toPrediction)),
  );
}

/**
 * The mean of the distances of both directions pooled (Heimann et al. 2009), so that the larger surface weighs more.
 * Units, empty masks and errors as for {@link hausdorffDistance95}.
 */
export function averageSymmetricSurfaceDistance(
  distances: SurfaceDistances,
  options: SurfaceMetricOptions = {},
): number | undefined {
  return unlessEmpty("averageSymmetricSurfaceDistance", distances, options, (toTruth, toPrediction) =>
    (sum(toTruth) + sum(toPrediction)) / (toTruth.length + toPrediction.length),
  );
}

/**
 * The mean distance from the prediction's surface to the truth's, one direction only.
 * Units, empty masks and errors as for {@link hausdorffDistance95}.
 */
export function meanSurfaceDistance(distances: SurfaceDistances, options: SurfaceMetricOptions = {}): number | undefined {
  return unlessEmpty("meanSurfaceDistance", distances, options, (toTruth) => sum(toTruth) / toTruth.length);
}

function unlessEmpty(
  operation: string,
  { empty, predictionToTruth, truthToPrediction }: SurfaceDistances,
  { emptyPenalty }: SurfaceMetricOptions,
  measure: (predictionToTruth: Float64Array, truthToPrediction: Float64Array) => number,
): number | undefined {
  if (emptyPenalty !== undefined && !(emptyPenalty >= 0 && emptyPenalty < Infinity)) {
    throw new MetricsError(
      "metrics.penalty",
      `${operation}: expected a finite emptyPenalty of at least 0, got ${emptyPenalty}. Leave it out to have none.`,
    );
  }
  if (empty === "neither") return measure(predictionToTruth, truthToPrediction);
  return empty === "both" ? 0 : emptyPenalty;
}

function largest(values: Float64Array): number {
  return values.reduce((best, value) => Math.max(best, value), 0);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** A box of a larger grid: its own grid, and where it begins there. */
interface Box {
  readonly grid: Grid;
  readonly z: number;
  readonly y: number;
  readonly x: number;
}

/** The smallest box around the foreground of both masks, of which at least one has some. */
function boundingBox(first: Uint8Array, second: Uint8Array, grid: Grid): Box {
  const { depth, height, width } = grid;
  let [z, y, x] = [depth, height, width];
  let [endZ, endY, endX] = [0, 0, 0];
  for (let row = 0; row < depth * height; row++) {
    const offset = row * width;
    let left = 0;
    while (left < width && (first[offset + left]! | second[offset + left]!) === 0) left++;
    if (left === width) continue;
    let right = width;
    while ((first[offset + right - 1]! | second[offset + right - 1]!) === 0) right--;
    const rowZ = Math.floor(row / height);
    const rowY = row % height;
    [z, y, x] = [Math.min(z, rowZ), Math.min(y, rowY), Math.min(x, left)];
    [endZ, endY, endX] = [Math.max(endZ, rowZ + 1), Math.max(endY, rowY + 1), Math.max(endX, right)];
  }
  return { grid: { ...grid, depth: endZ - z, height: endY - y, width: endX - x }, z, y, x };
}

/** The surface elements of a mask within a box that holds all its foreground. */
function surfaceIn(box: Box, mask: Uint8Array, grid: Grid): { readonly elements: Uint8Array; readonly count: number } {
  const { depth, height, width, rank } = box.grid;
  const rowStride = grid.width;
  const planeStride = grid.width * grid.height;
  const elements = new Uint8Array(elementCount(box.grid));
  let count = 0;
  let target = 0;
  for (let z = 0; z < depth; z++) {
    const outerZ = rank === 3 && (z === 0 || z === depth - 1);
    for (let y = 0; y < height; y++) {
      const outerZY = outerZ || y === 0 || y === height - 1;
      let source = (box.z + z) * planeStride + (box.y + y) * rowStride + box.x;
      for (let x = 0; x < width; x++, source++, target++) {
        if (mask[source] === 0) continue;
        const inside =
          !outerZY &&
          x > 0 &&
          x < width - 1 &&
          (mask[source - 1]! & mask[source + 1]! & mask[source - rowStride]! & mask[source + rowStride]!) === 1 &&
          (rank === 2 || (mask[source - planeStride]! & mask[source + planeStride]!) === 1);
        if (inside) continue;
        elements[target] = 1;
        count++;
      }
    }
  }
  return { elements, count };
}
