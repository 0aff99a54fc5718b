import type { ModelMaps } from "./image-model.ts";

/** Order of the axes of images and maps. */
export type Layout = "channels-first" | "channels-last";

/** Where batch, height, width and channels are. */
export const axesOf: Readonly<Record<Layout, { readonly height: number; readonly width: number; readonly channels: number }>> = {
  "channels-first": { channels: 1, height: 2, width: 3 },
  "channels-last": { height: 1, width: 2, channels: 3 },
};

/** `[batch, height, width, channels]` in the other order, if that is `layout`. */
export function fromChannelsLast({ shape, data }: ModelMaps, layout: Layout): ModelMaps {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  if (layout === "channels-last") return { shape, data };
  return { shape: [batch, channels, height, width], data: swap(data, batch, height * width, channels) };
}

/** Maps of `layout` as `[batch, height, width, channels]`. */
export function toChannelsLast({ shape, data }: ModelMaps, layout: Layout): ModelMaps {
  if (layout === "channels-last") return { shape, data };
  const [batch, channels, height, width] = shape as [number, number, number, number];
  return { shape: [batch, height, width, channels], data: swap(data, batch, channels, height * width) };
}

/** `[batch, rows, columns]` → `[batch, columns, rows]` */
function swap(data: Float32Array, batch: number, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  const size = rows * columns;
  for (let start = 0; start < batch * size; start += size) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) result[start + column * rows + row] = data[start + row * columns + column]!;
    }
  }
  return result;
}
