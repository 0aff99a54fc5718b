import { elementCount, gridOf, type Geometry, type Grid } from "./geometry.ts";
import { binaryMask, type Mask } from "./mask.ts";

/**
 * The exact Euclidean distance from every element to the nearest foreground element, in time linear in the mask's size.
 *
 * Foreground elements have distance 0 (invert the mask for the distance to the background); without any foreground every
 * distance is Infinity. Separable lower envelopes of parabolas (Felzenszwalb & Huttenlocher 2012), in float64.
 *
 * @param mask `[height, width]` or `[depth, height, width]`, flattened, 0 or 1
 * @returns distances of the same shape, in the units of the spacing
 * @throws MetricsError `metrics.shape`, `metrics.spacing`, `metrics.length`, `metrics.mask-values`
 */
export function distanceTransform(mask: Mask, geometry: Geometry): Float64Array {
  const grid = gridOf("distanceTransform", geometry);
  const features = binaryMask("distanceTransform", "mask", mask, elementCount(grid));
  const distances = new Float64Array(features.length);
  forEachDistancePlane(features, grid, undefined, (squared, offset) => {
    for (let index = 0; index < squared.length; index++) distances[offset + index] = Math.sqrt(squared[index]!);
  });
  return distances;
}

/**
 * The distance from each query element to the nearest feature element, in the queries' row-major order.
 *
 * @param queries `[depth, height, width]`, with `queryCount` ones
 * @param features `[depth, height, width]`, at least one 1
 */
export function distancesAt(queries: Uint8Array, queryCount: number, features: Uint8Array, grid: Grid): Float64Array {
  const distances = new Float64Array(queryCount);
  let found = 0;
  forEachDistancePlane(features, grid, queries, (squared, offset) => {
    for (let index = 0; index < squared.length; index++) {
      if (queries[offset + index] === 1) distances[found++] = Math.sqrt(squared[index]!);
    }
  });
  return distances;
}

/**
 * Visits the squared distances to the features plane by plane `[height, width]`, in one reused buffer: a volume needs two
 * bytes per element beside its masks instead of eight. With `queries`, only their rows are valid and planes without any
 * are skipped.
 */
function forEachDistancePlane(
  features: Uint8Array,
  grid: Grid,
  queries: Uint8Array | undefined,
  visit: (squared: Float64Array, offset: number) => void,
): void {
  const { depth, height, width, spacing } = grid;
  const plane = height * width;
  if (plane === 0) return;
  const steps = stepsAlongDepth(features, depth, plane);
  const unreachable = unreachableSteps(depth);
  const squared = new Float64Array(plane);
  const columns = new LowerEnvelope(height, spacing[1]);
  const rows = new LowerEnvelope(width, spacing[2]);
  for (let offset = 0; offset < features.length; offset += plane) {
    if (queries !== undefined && !hasOne(queries, offset, offset + plane)) continue;
    for (let index = 0; index < plane; index++) {
      const count = steps[offset + index]!;
      squared[index] = count === unreachable ? Infinity : (count * spacing[0]) ** 2;
    }
    for (let column = 0; column < width; column++) columns.apply(squared, column, width);
    for (let start = 0; start < plane; start += width) {
      if (queries !== undefined && !hasOne(queries, offset + start, offset + start + width)) continue;
      rows.apply(squared, start, 1);
    }
    visit(squared, offset);
  }
}

function unreachableSteps(depth: number): number {
  return depth < 0xffff ? 0xffff : 0xffffffff;
}

/** The number of planes to the nearest feature in the same place of a plane, by one sweep in each direction. */
function stepsAlongDepth(features: Uint8Array, depth: number, plane: number): Uint16Array | Uint32Array {
  const unreachable = unreachableSteps(depth);
  const steps = depth < 0xffff ? new Uint16Array(features.length) : new Uint32Array(features.length);
  for (let index = 0; index < features.length; index++) {
    const before = index < plane ? unreachable : steps[index - plane]!;
    steps[index] = features[index] === 1 ? 0 : before === unreachable ? unreachable : before + 1;
  }
  for (let index = features.length - plane - 1; index >= 0; index--) {
    const after = steps[index + plane]!;
    if (after < steps[index]!) steps[index] = after + 1;
  }
  return steps;
}

function hasOne(mask: Uint8Array, start: number, end: number): boolean {
  return mask.subarray(start, end).includes(1);
}

/** The transform min over q of (spacing·(p − q))² + f(q) of lines (Felzenszwalb & Huttenlocher 2012, algorithm 1). */
class LowerEnvelope {
  readonly #length: number;
  readonly #weight: number;
  /** Places and heights of the parabolas of the envelope, and where each begins to be the lowest. */
  readonly #places: Int32Array;
  readonly #heights: Float64Array;
  readonly #starts: Float64Array;

  constructor(length: number, spacing: number) {
    this.#length = length;
    this.#weight = spacing * spacing;
    this.#places = new Int32Array(length);
    this.#heights = new Float64Array(length);
    this.#starts = new Float64Array(length + 1);
  }

  /** Transforms the line of `values` that begins at `offset` in place; a line without a finite value stays infinite. */
  apply(values: Float64Array, offset: number, stride: number): void {
    const length = this.#length;
    const weight = this.#weight;
    const places = this.#places;
    const heights = this.#heights;
    const starts = this.#starts;
    let last = -1;
    for (let place = 0, position = offset; place < length; place++, position += stride) {
      const height = values[position]!;
      if (height === Infinity) continue;
      let start = -Infinity;
      while (last >= 0) {
        const other = places[last]!;
        start = (height - heights[last]!) / (2 * weight * (place - other)) + (place + other) / 2;
        if (start > starts[last]!) break;
        last--;
      }
      last++;
      places[last] = place;
      heights[last] = height;
      starts[last] = last === 0 ? -Infinity : start;
    }
    if (last < 0) return;
    starts[last + 1] = Infinity;
    let current = 0;
    for (let place = 0, position = offset; place < length; place++, position += stride) {
      while (starts[current + 1]! < place) current++;
      const step = place - places[current]!;
      values[position] = weight * step * step + heights[current]!;
    }
  }
}
