import { hausdorffDistance95, surfaceDistances } from "../src/index.ts";

const shape = [150, 512, 512] as const;
const spacing = [2.5, 0.8, 0.8] as const;

/** A filled ellipsoid: centre and radii as fractions of the volume's axes. */
function ellipsoid(centre: readonly [number, number, number], radii: readonly [number, number, number]): Uint8Array {
  const [depth, height, width] = shape;
  const mask = new Uint8Array(depth * height * width);
  let index = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        const a = (z / depth - centre[0]) / radii[0];
        const b = (y / height - centre[1]) / radii[1];
        const c = (x / width - centre[2]) / radii[2];
        mask[index] = a * a + b * b + c * c < 1 ? 1 : 0;
      }
    }
  }
  return mask;
}

/** Scattered single voxels in every corner of the volume, so that nothing can be cropped or skipped. */
function scattered(seed: number): Uint8Array {
  const mask = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (let index = 0, state = seed; index < mask.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    mask[index] = state < 0x04000000 ? 1 : 0;
  }
  return mask;
}

function timed(prediction: Uint8Array, truth: Uint8Array): Record<string, number | string> {
  const memoryBefore = process.memoryUsage().arrayBuffers;
  const start = performance.now();
  const distances = surfaceDistances(prediction, truth, { shape, spacing });
  const distance = hausdorffDistance95(distances);
  const seconds = (performance.now() - start) / 1000;
  return {
    seconds,
    "HD95 (mm)": distance ?? "undefined",
    "surface voxels": distances.predictionToTruth.length + distances.truthToPrediction.length,
    "array memory at end (MB)": (process.memoryUsage().arrayBuffers - memoryBefore) / 1e6,
  };
}

export const benchmarks: readonly { name: string; run(): Promise<Record<string, number | string>> }[] = [
  {
    name: "HD95 of an organ, 512×512×150",
    run: async () =>
      timed(ellipsoid([0.5, 0.5, 0.4], [0.3, 0.2, 0.25]), ellipsoid([0.5, 0.51, 0.41], [0.31, 0.2, 0.25])),
  },
  {
    name: "HD95 of bodies that fill the volume, 512×512×150",
    run: async () =>
      timed(ellipsoid([0.5, 0.5, 0.5], [0.55, 0.55, 0.55]), ellipsoid([0.5, 0.5, 0.5], [0.5, 0.52, 0.52])),
  },
  {
    name: "HD95 of scattered voxels (worst case), 512×512×150",
    run: async () => timed(scattered(1), scattered(2)),
  },
];
