import type { Generator } from "@hidiff/core-tensor/random";
import { smoothStep } from "./canvas.ts";
import type { Colon } from "./colon.ts";
import type { Hit } from "./endoscopy.ts";
import { NoiseField } from "./noise-field.ts";
import type { Point } from "./shapes.ts";

/** The look of the bowel's surface. */
export interface Mucosa {
  /** Writes the light that comes back from a point, red, green and blue, into `colour`. */
  shade(colon: Colon, from: Point, direction: Point, hit: Hit, colour: [number, number, number]): void;
}

type Colour = readonly [red: number, green: number, blue: number];

const blood: Colour = [0.5, 0.1, 0.08];
const residue: Colour = [0.78, 0.62, 0.16];

/** Chooses the colours and textures of a scene. */
export function paintMucosa(generator: Generator): Mucosa {
  const field = new NoiseField(generator.split("field"));
  const red = generator.uniform(0.82, 0.95);
  const green = red * generator.uniform(0.4, 0.62);
  const wall: Colour = [red, green, green * generator.uniform(0.62, 0.95)];
  // A little redder or paler than the wall, a little darker or lighter.
  const [redness, brightness] = [generator.uniform(-0.16, 0.14), generator.uniform(0.88, 1.12)];
  const polyp: Colour = [brightness * wall[0], brightness * wall[1] * (1 - redness), brightness * wall[2] * (1 - 0.9 * redness)];
  const vessels = { scale: generator.uniform(2.2, 3.6), strength: generator.uniform(0.3, 0.95) };
  const pits = { scale: generator.uniform(24, 40), strength: generator.uniform(0.05, 0.2) };
  const dirt = generator.bernoulli(0.4) ? generator.uniform(0.35, 0.55) : 2;
  const bleeding = generator.bernoulli(0.3) ? generator.uniform(0.3, 0.5) : 2;
  const wetness = generator.uniform(0.4, 1);
  const lamp: Point = [generator.uniform(-0.12, 0.12), generator.uniform(-0.12, 0.12), 0];

  const vesselsAt = (x: number, y: number, z: number): number => {
    const { scale } = vessels;
    const bend = 0.5 * field.at(2 * x, 2 * y, 2 * z);
    const trunk = Math.abs(field.at(scale * x + bend, scale * y - bend, 0.7 * scale * z + 3));
    const twig = Math.abs(field.at(2.3 * scale * x - bend, 2.3 * scale * y + 9, 2 * scale * z + bend));
    const patch = smoothStep(0.6 + 1.4 * field.at(0.8 * x + 4, 0.8 * y, 0.8 * z + 8));
    return patch * Math.max(smoothStep(1.4 - trunk / 0.05), 0.7 * smoothStep(1.3 - twig / 0.06));
  };

  return {
    shade: (colon, from, direction, { point, length, polyp: onPolyp }, colour) => {
      const [x, y, z] = point;
      const normal = surfaceNormal(colon, x, y, z);
      const distances = colon.distances(x, y, z);
      const beside = Math.max(0, distances.polyp);
      const mottle = 1 + 0.3 * field.fractal(4 * x, 4 * y, 4 * z, 4);
      const warmth = 1 + 0.1 * field.at(1.3 * x + 2, 1.3 * y + 2, 1.3 * z);
      const base = onPolyp ? polyp : wall;
      colour[0] = base[0] * mottle;
      colour[1] = base[1] * mottle * warmth;
      colour[2] = base[2] * mottle * warmth;
      if (onPolyp) {
        const pit = 1 - pits.strength * smoothStep(1.2 * field.at(pits.scale * x, pits.scale * y, pits.scale * z));
        blend(colour, blood, 1 - pit);
        blend(colour, blood, 0.8 * smoothStep(5 * (field.fractal(5 * x + 1, 5 * y, 5 * z, 2) - bleeding)));
      } else {
        blend(colour, blood, vessels.strength * vesselsAt(x, y, z));
      }
      blend(colour, residue, 0.75 * smoothStep(6 * (field.fractal(1.7 * x + 6, 1.7 * y, 1.7 * z, 4) - dirt)));

      const towards: Point = [from[0] + lamp[0] - x, from[1] + lamp[1] - y, from[2] - z];
      const lampDistance = Math.sqrt(towards[0] ** 2 + towards[1] ** 2 + towards[2] ** 2);
      const facing = Math.max(0, dot(normal, towards) / lampDistance);
      const light = (0.1 + 0.9 * facing) / (0.3 + 0.75 * lampDistance * lampDistance);
      // Little light reaches the corner between a polyp and the wall.
      const corner = onPolyp ? 1 : 1 - 0.45 * Math.exp(-beside / 0.06);
      for (let channel = 0; channel < 3; channel++) colour[channel]! *= light * corner;
      const glint = wetness * highlight(field, normal, direction, point) * Math.min(1.6, 1 / (0.4 + 0.5 * length));
      for (let channel = 0; channel < 3; channel++) colour[channel]! += glint;
    },
  };
}

/** The mirror image of the lamp on a wet, slightly bumpy surface. */
function highlight(field: NoiseField, normal: Point, direction: Point, [x, y, z]: Point): number {
  const fine = 21;
  const [bx, by, bz] = [
    0.2 * field.at(fine * x, fine * y, fine * z),
    0.2 * field.at(fine * x + 9, fine * y, fine * z + 4),
    0.2 * field.at(fine * x, fine * y + 5, fine * z + 12),
  ];
  const [nx, ny, nz] = [normal[0] + bx, normal[1] + by, normal[2] + bz];
  const length = Math.sqrt(nx * nx + ny * ny + nz * nz);
  const facing = Math.max(0, -(nx * direction[0] + ny * direction[1] + nz * direction[2]) / length);
  return 1.6 * smoothStep((facing - 0.988) / 0.011);
}

function surfaceNormal(colon: Colon, x: number, y: number, z: number): Point {
  const step = 0.004;
  const at = (dx: number, dy: number, dz: number): number => {
    const { wall, polyp } = colon.distances(x + step * dx, y + step * dy, z + step * dz);
    return Math.min(wall, polyp);
  };
  // Four corners of a tetrahedron give the gradient.
  const [a, b, c, d] = [at(1, -1, -1), at(-1, -1, 1), at(-1, 1, -1), at(1, 1, 1)];
  const [gx, gy, gz] = [a - b - c + d, -a - b + c + d, -a + b - c + d];
  const length = Math.sqrt(gx * gx + gy * gy + gz * gz);
  return length === 0 ? [0, 0, -1] : [gx / length, gy / length, gz / length];
}

function blend(colour: [number, number, number], other: Colour, share: number): void {
  for (let channel = 0; channel < 3; channel++) colour[channel]! += share * (other[channel]! - colour[channel]!);
}

function dot(a: Point, b: Point): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
