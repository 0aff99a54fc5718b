import { concat, pad, reshape, slice, split, type Tensor, type Tensor3D, type Tensor4D, transpose } from "@hidiff/core-tensor";

/** How one axis of a map is cut into windows. */
export interface AxisWindows {
  /** The map's own length. */
  readonly side: number;
  /** A window's length: the whole axis where that is no longer than a window. */
  readonly window: number;
  /** Number of windows. */
  readonly count: number;
  /** How far the map is rolled towards its start before it is cut. */
  readonly shift: number;
}

/** How a map is cut into windows, along its height and along its width. */
export interface WindowGrid {
  readonly vertical: AxisWindows;
  readonly horizontal: AxisWindows;
}

/** The score that keeps a token from attending to one that the roll has brought near it (Liu et al.'s published value). */
const masked = -100;

/**
 * Windows of `window` × `window` over a map, shifted by half a window or not (Liu et al. 2021, section 3.2). An axis that is
 * no longer than a window is one window, and is not shifted.
 */
export function windowGrid(height: number, width: number, window: number, shifted: boolean): WindowGrid {
  const along = (side: number): AxisWindows =>
    side <= window
      ? { side, window: side, count: 1, shift: 0 }
      : { side, window, count: Math.ceil(side / window), shift: shifted ? Math.floor(window / 2) : 0 };
  return { vertical: along(height), horizontal: along(width) };
}

/**
 * Pads a map with zeros below and to the right up to whole windows, rolls it by the grid's shift and cuts it:
 * `[batch, height, width, channels]` → `[batch·windows, tokens, channels]`, windows and tokens by rows.
 */
export function partitionWindows(map: Tensor4D, { vertical, horizontal }: WindowGrid): Tensor3D {
  const [batch, , , channels] = map.shape;
  const whole = rollBack(rollBack(padEnd(map, vertical, horizontal), 1, vertical.shift), 2, horizontal.shift);
  const rows = reshape(whole, [batch * vertical.count, vertical.window, horizontal.count, horizontal.window * channels]);
  return reshape(transpose(rows, [0, 2, 1, 3]), [-1, vertical.window * horizontal.window, channels]);
}

/** The inverse of {@link partitionWindows}: `[batch·windows, tokens, channels]` → `[batch, height, width, channels]`. */
export function mergeWindows(windows: Tensor, { vertical, horizontal }: WindowGrid): Tensor4D {
  const channels = windows.shape[2]!;
  const [height, width] = [vertical, horizontal].map(paddedSide) as [number, number];
  const columns = reshape(windows, [-1, horizontal.count, vertical.window, horizontal.window * channels]);
  const rolled = reshape(transpose(columns, [0, 2, 1, 3]), [-1, height, width, channels]) as Tensor4D;
  const whole = rollBack(rollBack(rolled, 1, height - vertical.shift), 2, width - horizontal.shift);
  return cropEnd(whole, vertical, horizontal);
}

/**
 * What to add to the attention scores of rolled windows, `[windows, tokens, tokens]` (by query, then key): 0 where both
 * tokens come from the same part of the padded map, else −100. Undefined where nothing was rolled.
 */
export function shiftMask({ vertical, horizontal }: WindowGrid): Float32Array | undefined {
  if (vertical.shift === 0 && horizontal.shift === 0) return undefined;
  const tokens = vertical.window * horizontal.window;
  const mask = new Float32Array(vertical.count * horizontal.count * tokens * tokens);
  let index = 0;
  for (let top = 0; top < vertical.count; top++) {
    for (let left = 0; left < horizontal.count; left++) {
      const parts = Array.from({ length: tokens }, (_, token) => {
        const row = top * vertical.window + Math.floor(token / horizontal.window);
        const column = left * horizontal.window + (token % horizontal.window);
        return 3 * partOf(row, vertical) + partOf(column, horizontal);
      });
      for (const query of parts) {
        for (const key of parts) mask[index++] = query === key ? 0 : masked;
      }
    }
  }
  return mask;
}

/** Which part a position after the roll belongs to: whole windows, the end of the map, or its start rolled to the end. */
function partOf(position: number, axis: AxisWindows): 0 | 1 | 2 {
  if (axis.shift === 0 || position < paddedSide(axis) - axis.window) return 0;
  return position < paddedSide(axis) - axis.shift ? 1 : 2;
}

function paddedSide({ count, window }: AxisWindows): number {
  return count * window;
}

function padEnd(map: Tensor4D, vertical: AxisWindows, horizontal: AxisWindows): Tensor4D {
  const [below, right] = [vertical, horizontal].map((axis) => paddedSide(axis) - axis.side) as [number, number];
  if (below === 0 && right === 0) return map;
  return pad(map, [
    [0, 0],
    [0, below],
    [0, right],
    [0, 0],
  ]);
}

function cropEnd(map: Tensor4D, vertical: AxisWindows, horizontal: AxisWindows): Tensor4D {
  if (map.shape[1] === vertical.side && map.shape[2] === horizontal.side) return map;
  return slice(map, [0, 0, 0, 0], [-1, vertical.side, horizontal.side, -1]);
}

/** Moves every element `distance` places towards the start of an axis; those that leave it come in at its end. */
function rollBack(map: Tensor4D, axis: 1 | 2, distance: number): Tensor4D {
  const side = map.shape[axis];
  if (distance % side === 0) return map;
  const [start, end] = split(map, [distance, side - distance], axis) as [Tensor4D, Tensor4D];
  return concat([end, start], axis);
}
