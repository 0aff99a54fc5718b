import type { ImageStack } from "@hidiff/datasets";
import type { Picture } from "./maps.ts";

/**
 * A slice as a picture for people, whatever its units: photographs by the range of their type, other images from the 1st
 * to the 99th percentile of what differs from their surroundings. Of several channels that are no photograph, the last.
 *
 * @param slice [height, width, channels]
 * @returns [height, width, 3]
 */
export function displayPicture(slice: Float32Array, image: Pick<ImageStack, "height" | "width" | "channels" | "range" | "outside">): Picture {
  const { height, width, channels, range, outside } = image;
  const colour = channels === 3 && range !== undefined;
  const channel = channels - 1;
  const [low, high] = range !== undefined && (colour || channels === 1) ? range : percentiles(slice, channels, channel, outside[channel]!);
  const data = new Uint8Array(height * width * 3);
  const factor = high > low ? 255 / (high - low) : 0;
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < 3; c++) {
      const value = slice[pixel * channels + (colour ? c : channel)]!;
      data[pixel * 3 + c] = Math.min(255, Math.max(0, Math.round((value - low) * factor)));
    }
  }
  return { height, width, channels: 3, data };
}

function percentiles(slice: Float32Array, channels: number, channel: number, outside: number): [number, number] {
  const values = Float32Array.from({ length: slice.length / channels }, (_, pixel) => slice[pixel * channels + channel]!).filter((value) => value !== outside).sort();
  if (values.length === 0) return [outside, outside + 1];
  const at = (fraction: number): number => values[Math.round(fraction * (values.length - 1))]!;
  return [Math.min(outside, at(0.01)), at(0.99)];
}
