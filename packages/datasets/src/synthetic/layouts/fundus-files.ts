import { Generator } from "@hidiff/core-tensor/random";
import { gaussianBlur } from "../../augmentation/gaussian-blur.ts";
import { drawFundus } from "../fundus.ts";
import { smoothNoise } from "../smooth-noise.ts";
import type { Picture } from "./raster-files.ts";

/** A fundus photograph with the vessels that two observers saw. */
interface FundusFiles {
  readonly image: Picture;
  /** [height, width] of 0 and 1 */
  readonly first: Uint8Array;
  readonly second: Uint8Array;
  readonly fieldOfView: Uint8Array;
}

/** Draws a fundus on the square around the picture and cuts the picture out of its middle. */
export function drawFundusFiles(seed: number | string, id: string, width: number, height: number): FundusFiles {
  const size = Math.max(width, height);
  const generator = new Generator(seed).split("fundus").split(id);
  const { image, mask, fieldOfView } = drawFundus(size, generator);
  const second = secondObserver(mask, size, generator.split("second observer"));
  const [left, top] = [(size - width) >> 1, (size - height) >> 1];
  const cut = (source: ArrayLike<number>, channels: number, convert: (value: number) => number): Uint8Array => {
    const part = new Uint8Array(width * height * channels);
    for (let row = 0, i = 0; row < height; row++) {
      let from = ((row + top) * size + left) * channels;
      for (let rest = width * channels; rest > 0; rest--) part[i++] = convert(source[from++]!);
    }
    return part;
  };
  const same = (value: number): number => value;
  return {
    image: { width, height, channels: 3, data: cut(image, 3, (value) => Math.round((value + 1) * 127.5)) },
    first: cut(mask, 1, same),
    second: cut(second, 1, same),
    fieldOfView: cut(fieldOfView, 1, same),
  };
}

/** The same vessels drawn by a second hand: here wider, there thinner, and some of the thinnest not at all. */
function secondObserver(mask: Float32Array, size: number, generator: Generator): Float32Array {
  const soft = gaussianBlur(mask, size, size, 1, 5, 0.8);
  const mood = smoothNoise(size, 6, 2, generator);
  return soft.map((value, pixel) => (value > 0.46 + 0.2 * mood[pixel]! ? 1 : 0));
}
