import type { Generator } from "@hidiff/core-tensor/random";
import { smoothStep } from "./canvas.ts";
import { NoiseField } from "./noise-field.ts";
import { ellipsoid, smoothMinimum, tube, union } from "./shapes.ts";

export type BrainTissue = "outside" | "fluid" | "grey" | "white";

/** A brain with a glioma, in millimetres from its middle: x to the left, y to the back, z to the head. */
export interface Brain {
  tissueAt(x: number, y: number, z: number): BrainTissue;
  /** The lesion's label in BraTS's files: 0 none, 1 necrotic core, 2 oedema, 4 enhancing tumour. */
  lesionAt(x: number, y: number, z: number, tissue: BrainTissue): 0 | 1 | 2 | 4;
  /** Large veins and the plexus in the ventricles, which take up contrast agent: 0 to 1. */
  vesselAt(x: number, y: number, z: number): number;
  /** Bright spots of the white matter that age brings, and caps around the ventricles, on FLAIR: 0 to 2. */
  spotAt(x: number, y: number, z: number): number;
}

/** Grows the brain of a patient. */
export function growBrain(generator: Generator): Brain {
  const vary = generator.split("vary");
  const folds = new NoiseField(generator.split("folds"));
  const fine = new NoiseField(generator.split("fine"));
  const scale = vary.uniform(0.95, 1.05);
  const [across, along, high] = [66 * scale * vary.uniform(0.97, 1.03), 84 * scale, 66 * scale];
  const upper = ellipsoid([0, 0, 0], [across, along, high]);
  const lower = ellipsoid([0, 0, 0], [0.94 * across, 0.96 * along, 0.66 * high]);
  const cerebellum = union([-1, 1].map((side) => ellipsoid([side * 22, 50, -43], [30, 26, 21])), 10);
  const stem = tube([[0, 8, -12, 14], [0, 14, -34, 16], [0, 26, -82, 10]]);
  const wide = vary.uniform(0.75, 1.5);
  const ventricles = union(
    [-1, 1].map((side) =>
      tube([
        [side * 9, -34, 10, 3.5 * wide],
        [side * 8, -12, 18, 5.5 * wide],
        [side * 12, 16, 16, 5.5 * wide],
        [side * 24, 36, 6, 7 * wide],
        [side * 32, 16, -12, 2.5 * wide],
        [side * 30, 0, -18, 2 * wide],
      ]),
    ),
    1,
  );
  const third = ellipsoid([0, 4, 2], [1.8 * wide, 14, 9]);
  const nuclei = union(
    [-1, 1].flatMap((side) => [
      ellipsoid([side * 11, 8, 5], [8, 14, 9]),
      ellipsoid([side * 13, -20, 11], [4.5, 10, 9]),
      ellipsoid([side * 26, -6, 2], [5.5, 16, 9], [side * 0.2, 0, 1]),
    ]),
    1,
  );
  const plexus = union([-1, 1].map((side) => tube([[side * 14, 18, 15, 2.2], [side * 23, 34, 7, 3.4]])), 1);
  const spots = vary.uniform(0.52, 0.75);
  const caps = vary.uniform(1.5, 5);
  const sinus = tube([[0, -70, 30, 2], [0, -30, high - 3, 2.5], [0, 30, high - 6, 3], [0, along - 6, 10, 4]]);

  const tissueAt = (x: number, y: number, z: number): BrainTissue => {
    const hemisphere = -(z > 0 ? upper : lower).distance(x, y, z);
    const wall = 3.2 * folds.at(x / 24, y / 24, z / 24);
    // Half a hemisphere's thickness away from the fissure between both.
    const fissure = z > 8 - 0.001 * y * y || Math.abs(y) > 40 ? Math.abs(x + 1.5 * folds.at(y / 30, z / 30, 3)) - 0.9 : Infinity;
    const depth = Math.min(hemisphere + wall, fissure);
    if (hemisphere + wall > 0) {
      if (Math.min(ventricles.distance(x, y, z), third.distance(x, y, z)) < 0) return "fluid";
      if (nuclei.distance(x, y, z) < 0) return "grey";
      // Furrows: surfaces on which a noise is 0, down to some 16 mm below the outer surface.
      const furrow = Math.abs(folds.at(x / 13, y / 13, z / 13) + 0.35 * folds.at(x / 6.5 + 4, y / 6.5, z / 6.5)) * 7.5;
      const outer = smoothMinimum(depth, furrow + Math.max(0, 0.9 * (depth - 13)), 1.5);
      if (outer < 0.55) return "fluid";
      return outer < 3.6 ? "grey" : "white";
    }
    const behind = -cerebellum.distance(x, y, z) - 0.8 + fine.at(x / 9, y / 9, z / 9);
    if (behind > 0) {
      const folia = Math.sin((Math.hypot(y - 26, z + 34) + 2.2 * fine.at(x / 12, y / 12, z / 12)) * 1.5);
      return behind > 9 ? "white" : folia > 0.86 ? "fluid" : folia > -0.5 ? "grey" : "white";
    }
    if (stem.distance(x, y, z) < 0 && z > -74) return "white";
    // A film of fluid around everything, before the stripped skull.
    if (hemisphere + wall > -1.6 || behind > -1.2) return "fluid";
    return "outside";
  };

  const lesion = growLesion(generator.split("lesion"), fine);
  return {
    tissueAt,
    lesionAt: (x, y, z, tissue) => (tissue === "outside" ? 0 : lesion(x, y, z, tissue)),
    vesselAt: (x, y, z) => {
      if (plexus.distance(x, y, z) < 0) return 0.9;
      if (sinus.distance(x, y, z) < 0) return 1;
      const line = Math.abs(fine.at(x / 12 + 5, y / 12, z / 12)) + Math.abs(fine.at(x / 12, y / 12 + 5, z / 12));
      return line < 0.055 ? 0.7 : 0;
    },
    spotAt: (x, y, z) => {
      const beside = ventricles.distance(x, y, z) + 2.5 * fine.at(x / 9, y / 9, z / 9);
      return smoothStep(8 * (fine.at(x / 9 + 3, y / 9, z / 9) - spots)) + smoothStep(1.5 - beside / caps);
    },
  };
}

type Lesion = (x: number, y: number, z: number, tissue: BrainTissue) => 0 | 1 | 2 | 4;

/** A tumour in one hemisphere: a dead core, a ragged rim that takes up contrast agent, and oedema in the white matter. */
function growLesion(generator: Generator, noise: NoiseField): Lesion {
  const side = generator.bernoulli(0.5) ? 1 : -1;
  const centre = [side * generator.uniform(24, 38), generator.uniform(-42, 44), generator.uniform(6, 34)] as const;
  const radius = generator.uniform(7, 15);
  const stretch = [generator.uniform(0.8, 1.25), generator.uniform(0.8, 1.25), generator.uniform(0.8, 1.25)] as const;
  const rim = generator.uniform(3, 6.5);
  const swelling = generator.uniform(8, 22);
  const tilt = [generator.uniform(-0.3, 0.3), generator.uniform(-0.4, 0.4)] as const;
  return (x, y, z, tissue) => {
    const [dx, dy, dz] = [x - centre[0], y - centre[1], z - centre[2]];
    const plain = Math.sqrt((dx / stretch[0]) ** 2 + (dy / stretch[1]) ** 2 + (dz / stretch[2]) ** 2);
    if (plain > 3.5 * (radius + rim + swelling)) return 0;
    const ragged = plain - radius + 6.5 * noise.at(x / 13 + 3, y / 13, z / 13) + 2.2 * noise.at(x / 5, y / 5, z / 5);
    // The rim is thick on one side and thin on the other, with nodules.
    const thickness = Math.max(2.2, rim * (1 + 0.75 * noise.at(x / 11, y / 11 + 6, z / 11)));
    if (ragged < 0) return 1;
    if (ragged < thickness) return 4;
    // Oedema follows the white matter, with fingers.
    const along = Math.sqrt((dx + tilt[0] * dy) ** 2 + (0.72 * (dy + tilt[1] * dz)) ** 2 + dz * dz);
    const reach = radius + rim + swelling * (1 + 0.8 * noise.at(x / 17, y / 17, z / 17 + 8));
    if (along < reach && tissue === "white") return 2;
    // The tumour pushes the furrows beside it shut.
    return ragged < thickness + 3 ? 2 : 0;
  };
}
