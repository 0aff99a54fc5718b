import type { Generator } from "@hidiff/core-tensor/random";
import { NoiseField } from "./noise-field.ts";
import { type Point, smoothMinimum } from "./shapes.ts";

/** The wall is about this far from the middle of the bowel; all lengths of the scene are in this unit. */
const bowelRadius = 1;

interface Fold {
  readonly z: number;
  readonly height: number;
  readonly width: number;
  /** The direction in which the fold is highest, and how much of the circumference it spans. */
  readonly angle: number;
  readonly span: number;
  readonly slant: number;
}

interface Lump {
  readonly centre: Point;
  readonly radius: number;
}

/** A polyp: lumps melted into one, with a stalk where it is pedunculated. */
export interface Polyp {
  readonly lumps: readonly Lump[];
  readonly blend: number;
  readonly middle: Point;
  /** Everything lies within this distance of the middle. */
  readonly reach: number;
  readonly roughness: number;
  readonly roughnessScale: number;
}

/** A piece of bowel with its polyps: a tunnel along z, seen from near the origin. */
export interface Colon {
  readonly polyps: readonly Polyp[];
  /** Distance to the wall, and to the nearest polyp; both are negative inside of the tissue. */
  distances(x: number, y: number, z: number): { wall: number; polyp: number };
  /** Where the middle of the bowel is at a depth. */
  middle(z: number): readonly [x: number, y: number];
}

/** Builds a bowel with `count` polyps. */
export function growColon(count: number, generator: Generator): Colon {
  const bumps = new NoiseField(generator.split("bumps"));
  const shape = generator.split("tunnel");
  const bend = { x: shape.uniform(-0.5, 0.5), y: shape.uniform(-0.5, 0.5), rate: shape.uniform(0.35, 0.7) };
  const triangle = { strength: shape.uniform(0.03, 0.14), phase: shape.uniform(0, 2 * Math.PI) };
  const folds = growFolds(generator.split("folds"));
  const middle = (z: number): readonly [number, number] => {
    const turn = 1 - Math.cos(bend.rate * Math.max(0, z));
    return [bend.x * turn, bend.y * turn];
  };
  const radiusAt = (angle: number): number => bowelRadius * (1 + triangle.strength * Math.cos(3 * angle + triangle.phase));
  const placing = generator.split("polyps");
  const polyps = Array.from({ length: count }, () => growPolyp(placing.split(), middle, radiusAt));
  const answer = { wall: 0, polyp: 0 };
  return {
    polyps,
    middle,
    distances: (x, y, z) => {
      const [mx, my] = middle(z);
      const [dx, dy] = [x - mx, y - my];
      const radius = Math.sqrt(dx * dx + dy * dy);
      const angle = Math.atan2(dy, dx);
      let wall = radiusAt(angle) - radius;
      if (wall < 0.75) {
        wall -= 0.07 * bumps.at(2.3 * x, 2.3 * y, 1.9 * z) + 0.012 * bumps.at(9 * x, 9 * y, 9 * z);
        wall = subtractFolds(wall, folds, z, angle);
      }
      let nearest = Infinity;
      for (const polyp of polyps) nearest = Math.min(nearest, polypDistance(polyp, bumps, x, y, z));
      answer.wall = wall;
      answer.polyp = nearest;
      return answer;
    },
  };
}

function growFolds(generator: Generator): Fold[] {
  const folds: Fold[] = [];
  for (let z = generator.uniform(0.1, 0.7); z < 9; z += generator.uniform(0.45, 1.2)) {
    const height = generator.uniform(0.12, 0.5);
    folds.push({
      z,
      height,
      width: 0.06 + height * generator.uniform(0.15, 0.3),
      angle: generator.uniform(0, 2 * Math.PI),
      span: generator.uniform(0.9, 2.4),
      slant: generator.uniform(-0.25, 0.25),
    });
  }
  return folds;
}

function subtractFolds(wall: number, folds: readonly Fold[], z: number, angle: number): number {
  for (const { z: at, height, width, angle: highest, span, slant } of folds) {
    const along = z - at - slant * Math.cos(angle - highest + 1);
    if (Math.abs(along) > 4 * width) continue;
    let turn = Math.abs(angle - highest) % (2 * Math.PI);
    if (turn > Math.PI) turn = 2 * Math.PI - turn;
    const crest = turn < span ? Math.cos((turn / span) * (Math.PI / 2)) ** 0.7 : 0;
    // A rounded ridge on a wide foot.
    const profile = 0.75 * Math.exp(-((along / width) ** 2)) + 0.25 * Math.exp(-((along / (2.2 * width)) ** 2));
    wall -= height * (0.15 + 0.85 * crest) * profile;
  }
  return wall;
}

function growPolyp(
  generator: Generator,
  middle: (z: number) => readonly [number, number],
  radiusAt: (angle: number) => number,
): Polyp {
  const angle = generator.uniform(0, 2 * Math.PI);
  const z = generator.uniform(0.75, 2.3);
  const size = generator.uniform(0.14, 0.42) * (0.75 + 0.25 * z);
  const kind = generator.uniform();
  const pedunculated = kind > 0.75;
  const flat = kind < 0.2;
  const [mx, my] = middle(z);
  // Inwards from the wall; the middle of a sessile polyp lies within the wall's reach.
  const inward = pedunculated ? size * generator.uniform(1.4, 1.9) : size * (flat ? generator.uniform(0, 0.2) : generator.uniform(0.1, 0.7));
  const distance = radiusAt(angle) - inward;
  const centre: Point = [mx + distance * Math.cos(angle), my + distance * Math.sin(angle), z];
  const lumps: Lump[] = [{ centre, radius: size }];
  for (let more = generator.bernoulli(0.65) ? 1 + generator.integer(4) : 0; more > 0; more--) {
    const spread = (scale: number): number => generator.uniform(-scale, scale) * size;
    lumps.push({
      centre: [centre[0] + spread(0.7), centre[1] + spread(0.7), centre[2] + spread(0.7)],
      radius: size * generator.uniform(0.45, 0.8),
    });
  }
  if (pedunculated) {
    for (let share = 0.25; share < 1; share += 0.25) {
      const outward = distance + share * (inward + 0.1);
      const wobble = 0.15 * size * Math.sin(3 * share);
      lumps.push({
        centre: [mx + outward * Math.cos(angle) + wobble, my + outward * Math.sin(angle), z + wobble],
        radius: size * (0.32 + 0.15 * share),
      });
    }
  }
  const reach = Math.max(...lumps.map((lump) => Math.hypot(...lump.centre.map((value, axis) => value - centre[axis]!)) + lump.radius));
  return {
    lumps,
    blend: size * generator.uniform(0.2, 0.5),
    middle: centre,
    reach: 1.25 * reach,
    roughness: size * generator.uniform(0.02, 0.12),
    roughnessScale: generator.uniform(1.2, 3.5) / size,
  };
}

function polypDistance(polyp: Polyp, bumps: NoiseField, x: number, y: number, z: number): number {
  const away = Math.sqrt((x - polyp.middle[0]) ** 2 + (y - polyp.middle[1]) ** 2 + (z - polyp.middle[2]) ** 2) - polyp.reach;
  if (away > 0.25) return away;
  let distance = Infinity;
  for (const { centre, radius } of polyp.lumps) {
    const other = Math.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2) - radius;
    distance = distance === Infinity ? other : smoothMinimum(distance, other, polyp.blend);
  }
  const { roughnessScale: scale } = polyp;
  return distance + polyp.roughness * bumps.at(scale * x + 11, scale * y + 5, scale * z);
}
