import { Generator } from "@hidiff/core-tensor/random";
import { type ImageStack, preprocess, type Preprocessing } from "../src/index.ts";
import type { Benchmark } from "./batches.ts";

/** A volume of 16-bit integers, as readers hold it. */
function volume(depth: number, size: number, channels: number): ImageStack {
  const random = new Generator(1);
  const length = size * size * channels;
  const data = Int16Array.from({ length: depth * length }, (_, i) => (i % 5 < 2 ? 0 : random.integer(4000)));
  return {
    depth,
    height: size,
    width: size,
    channels,
    spacing: [1, 1, 1],
    outside: Array.from({ length: channels }, () => 0),
    slice: (index) => Float32Array.from(data.subarray(index * length, (index + 1) * length)),
  };
}

function readAll({ image }: { readonly image: ImageStack }): void {
  for (let index = 0; index < image.depth; index++) image.slice(index);
}

/** The time of a first reading of all slices: statistics and what it takes to read the volume are in it. */
async function time(stack: ImageStack, steps: Preprocessing): Promise<{ milliseconds: number; perSlice: number }> {
  readAll(preprocess(stack, steps)); // warms the compiler
  const start = performance.now();
  readAll(preprocess(stack, steps));
  const milliseconds = performance.now() - start;
  return { milliseconds, perSlice: milliseconds / stack.depth };
}

export const benchmarks: readonly Benchmark[] = [
  ...(["cubic", "linear", "nearest"] as const).map((interpolation) => ({
    name: `preprocessing: ${interpolation} resize of a slice from 512×512 to 256×256`,
    run: async () => ({ millisecondsPerSlice: (await time(volume(16, 512, 1), [{ step: "resize", height: 256, width: 256, image: interpolation }])).perSlice }),
  })),
  {
    name: "preprocessing: z-score inside of the brain, 155×240×240×4, statistics and slices",
    run: async () => ({ milliseconds: (await time(volume(155, 240, 4), [{ step: "z-score", region: "nonzero" }])).milliseconds }),
  },
  {
    name: "preprocessing: percentiles of 155×240×240×4 integers, statistics and slices",
    run: async () => ({
      milliseconds: (await time(volume(155, 240, 4), [{ step: "percentile", low: 0.5, high: 99.5, region: "nonzero", to: [0, 1] }])).milliseconds,
    }),
  },
];
