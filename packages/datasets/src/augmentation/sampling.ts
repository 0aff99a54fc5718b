import type { SamplingMap } from "./affine.ts";

/** An array [height, width, channels]. */
export interface Plane {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Reads a window [height, width, channels] bilinearly; everything outside of `source` counts as `outside`, one value a
 * channel.
 *
 * A map that only shifts by whole pixels copies exactly.
 */
export function sampleBilinear(
  source: Plane,
  map: SamplingMap,
  height: number,
  width: number,
  outside: readonly number[],
): Float32Array {
  const { data, channels } = source;
  const output = new Float32Array(height * width * channels);
  const lastColumn = source.width - 1;
  const lastRow = source.height - 1;
  const stride = source.width * channels;
  let target = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const x = map.xx * column + map.xy * row + map.x0;
      const y = map.yx * column + map.yy * row + map.y0;
      const left = Math.floor(x);
      const top = Math.floor(y);
      if (left < -1 || top < -1 || left > lastColumn || top > lastRow) {
        for (let channel = 0; channel < channels; channel++) output[target++] = outside[channel]!;
        continue;
      }
      const right = x - left;
      const bottom = y - top;
      const topLeft = (1 - right) * (1 - bottom);
      const topRight = right * (1 - bottom);
      const bottomLeft = (1 - right) * bottom;
      const bottomRight = right * bottom;
      const index = top * stride + left * channels;
      if (left >= 0 && top >= 0 && left < lastColumn && top < lastRow) {
        for (let channel = index; channel < index + channels; channel++) {
          output[target++] =
            topLeft * data[channel]! +
            topRight * data[channel + channels]! +
            bottomLeft * data[channel + stride]! +
            bottomRight * data[channel + stride + channels]!;
        }
        continue;
      }
      const leftInside = left >= 0;
      const rightInside = left < lastColumn;
      const topInside = top >= 0;
      const bottomInside = top < lastRow;
      for (let channel = 0; channel < channels; channel++) {
        const at = index + channel;
        const beyond = outside[channel]!;
        output[target++] =
          topLeft * (leftInside && topInside ? data[at]! : beyond) +
          topRight * (rightInside && topInside ? data[at + channels]! : beyond) +
          bottomLeft * (leftInside && bottomInside ? data[at + stride]! : beyond) +
          bottomRight * (rightInside && bottomInside ? data[at + stride + channels]! : beyond);
      }
    }
  }
  return output;
}

/**
 * Reads a window [height, width, classes] of a mask, the nearest pixel each. Outside of `source` is background: 0 for one
 * class, class 0 of a one-hot mask.
 */
export function sampleNearest(source: Plane, map: SamplingMap, height: number, width: number): Float32Array {
  const { data, channels } = source;
  const output = new Float32Array(height * width * channels);
  let target = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++, target += channels) {
      const x = Math.round(map.xx * column + map.xy * row + map.x0);
      const y = Math.round(map.yx * column + map.yy * row + map.y0);
      if (x < 0 || y < 0 || x >= source.width || y >= source.height) {
        if (channels > 1) output[target] = 1;
        continue;
      }
      const index = (y * source.width + x) * channels;
      for (let channel = 0; channel < channels; channel++) output[target + channel] = data[index + channel]!;
    }
  }
  return output;
}

/** [height, width]: 1 where the window's pixel centre lies on the source, otherwise 0. */
export function insideMap(
  source: { readonly height: number; readonly width: number },
  map: SamplingMap,
  height: number,
  width: number,
): Uint8Array {
  const inside = new Uint8Array(height * width);
  let target = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++, target++) {
      const x = map.xx * column + map.xy * row + map.x0;
      const y = map.yx * column + map.yy * row + map.y0;
      if (x > -1 && y > -1 && x < source.width && y < source.height) inside[target] = 1;
    }
  }
  return inside;
}

/**
 * The fraction of a window that lies in the field of view (on the source, where that is not given), estimated on a grid
 * of at most 24 × 24 of the window's pixels.
 */
export function fieldOfViewFraction(
  source: { readonly height: number; readonly width: number; readonly fieldOfView?: Uint8Array },
  map: SamplingMap,
  height: number,
  width: number,
): number {
  const rowStep = Math.max(1, height / 24);
  const columnStep = Math.max(1, width / 24);
  let seen = 0;
  let all = 0;
  for (let row = (rowStep - 1) / 2; row < height; row += rowStep) {
    for (let column = (columnStep - 1) / 2; column < width; column += columnStep) {
      const x = Math.round(map.xx * column + map.xy * row + map.x0);
      const y = Math.round(map.yx * column + map.yy * row + map.y0);
      all++;
      if (x < 0 || y < 0 || x >= source.width || y >= source.height) continue;
      seen += source.fieldOfView === undefined ? 1 : source.fieldOfView[y * source.width + x]!;
    }
  }
  return all === 0 ? 0 : seen / all;
}
