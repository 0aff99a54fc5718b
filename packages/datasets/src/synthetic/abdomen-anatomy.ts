import type { Generator } from "@hidiff/core-tensor/random";
import { ellipsoid, type Point, type Shape, smoothMinimum, subtract, tube, union } from "./shapes.ts";

/** The thirteen organs of the BTCV challenge, by their number in its files. */
export const btcvOrgans = {
  1: "spleen",
  2: "right kidney",
  3: "left kidney",
  4: "gallbladder",
  5: "oesophagus",
  6: "liver",
  7: "stomach",
  8: "aorta",
  9: "inferior vena cava",
  10: "portal and splenic vein",
  11: "pancreas",
  12: "right adrenal gland",
  13: "left adrenal gland",
} as const;

/** An organ or another soft part; labels from 14 on are parts that the challenge does not label. */
export interface Part {
  readonly label: number;
  readonly shape: Shape;
  /** Whether it ends at the diaphragm and at the abdominal wall. */
  readonly confined: boolean;
  /** How strongly smooth noise moves its outline, from 0 to 1. */
  readonly loose: number;
}

export const colonLabel = 14;

/** Where a patient's organs are, in millimetres: x to the left, y to the back, z to the head; z = 0 is near the navel. */
export interface Abdomen {
  /** In the order in which they claim their place: earlier parts push later ones aside. */
  readonly parts: readonly Part[];
  /** Distances to the surface of the skin, the muscles below the fat, and the cavity within the muscles. */
  readonly skin: Shape;
  readonly muscle: Shape;
  readonly cavity: Shape;
  readonly vertebra: Shape;
  readonly canal: Shape;
  readonly heart: Shape;
  /** Muscles beside the spine. */
  readonly psoas: Shape;
  /** Both kidneys with what they enclose. */
  readonly kidneys: Shape;
  /** The height of the diaphragm above a place. */
  diaphragm(x: number, y: number): number;
  /** Distance to the middle line of the nearest rib. */
  rib(x: number, y: number, z: number): number;
  /** The height of the gas above the fluid in the stomach: y below this is gas. */
  readonly gasLevel: number;
}

/** Places the organs of a patient. */
export function placeOrgans(generator: Generator): Abdomen {
  const vary = generator.split("vary");
  const scale = vary.uniform(0.94, 1.06);
  const shift = ([x, y, z]: Point): Point => [x + vary.normal(0, 3), y + vary.normal(0, 3), z + vary.normal(0, 4.5)];
  const grow = (radii: Point): Point => {
    const factor = vary.uniform(0.9, 1.1);
    return [radii[0] * factor, radii[1] * factor, radii[2] * factor];
  };
  const half = { x: 158 * scale, y: 108 * scale };
  const fat = vary.uniform(12, 30);
  const skin = oval(half.x + 0.5 * fat, half.y + 0.5 * fat);
  const muscle = oval(half.x - 0.5 * fat, half.y - 0.45 * fat);
  const wall = oval(half.x - 0.5 * fat - 13, half.y - 0.45 * fat - 12);

  const vertebra = tube([[0, 46, -300, 21], [0, 46, 500, 21]]);
  const canal = tube([[0, 75, -300, 8.5], [0, 75, 500, 8.5]]);
  // The spine and the muscles beside it bulge into the cavity.
  const back = union([tube([[0, 62, -300, 34], [0, 62, 500, 34]]), tube([[-46, 84, -300, 30], [-46, 84, 500, 30]]), tube([[46, 84, -300, 30], [46, 84, 500, 30]])], 10);
  const cavity = subtract(wall, back, 8);
  const psoas = union([-1, 1].map((side) => tube([[side * 42, 52, -60, 23], [side * 36, 52, 60, 15], [side * 30, 54, 120, 4]])), 1);

  const kidney = (side: 1 | -1, height: number): { whole: Shape; shape: Shape } => {
    const centre = shift([side * 66, 44, height]);
    const axis: Point = [-side * vary.uniform(0.15, 0.3), vary.uniform(0.1, 0.22), 1];
    const whole = ellipsoid(centre, grow([26, 24, 56]), axis);
    const sinus = ellipsoid([centre[0] - side * 14, centre[1] - 5, centre[2]], [15, 9, 25], axis);
    return { whole, shape: subtract(whole, sinus, 4) };
  };
  const [right, left] = [kidney(-1, 76), kidney(1, 94)];

  const wander = (): number => vary.normal(0, 2.5);
  const aorta = tube([[11 + wander(), 14, -60, 9], [9, 13 + wander(), 60, 10], [6 + wander(), 15, 160, 11], [6, 20, 300, 12]]);
  const cava = tube([[-19 + wander(), 15, -60, 10], [-21, 12, 80, 11], [-26, 3, 180, 12], [-24, -6, 250, 12]]);
  const portal = tube([[84, 30, 152, 4], [58, 18, 140, 5], [30, 2, 126, 5], [2, -4, 118, 7], [-22, -10, 136, 7], [-44, -14, 154, 6]]);
  const adrenals = ([[-1, -31, 18, 138], [1, 31, 22, 150]] as const).map(([side, x, y, z]) =>
    union([tube([[x, y, z + 14, 2.6], [x + side * 8, y + 12, z - 10, 2.4]]), tube([[x, y, z + 14, 2.6], [x - side * 1, y + 14, z - 10, 2.2]])], 2),
  );
  const gallbladder = ellipsoid(shift([-54, -46, 106]), grow([16, 17, 29]), [0.25, -0.35, 1]);
  const oesophagus = tube([[4, 2, 320, 9], [8, 2, 232, 9], [30, -6, 208, 9], [48, -2, 204, 11]]);
  const pancreas = tube([[-28, -4, 82, 14], [-24, -14, 104, 15], [2, -19, 117, 10], [32, -10, 124, 12], [62, 12, 138, 12], [84, 24, 150, 9]].map(
    ([x, y, z, r]) => [x! + wander(), y! + wander(), z! + 2 * wander(), r! * 1.05] as const,
  ));
  const spleen = subtract(ellipsoid(shift([98, 34, 168]), grow([44, 52, 54]), [0.15, 0.1, 1]), ellipsoid([56, 4, 172], [50, 54, 70]), 8);
  const lobe = vary.uniform(0.75, 1.15);
  const liver = union(
    [
      ellipsoid(shift([-80, -2, 146]), grow([78, 82, 92])),
      ellipsoid([6, -54, 182], [66 * lobe, 36, 40]),
      ellipsoid([-18, -12, 184], [26, 24, 28]),
    ],
    22,
  );
  const full = vary.uniform(0.8, 1.2);
  const stomach = tube([
    [58, 24, 222, 30],
    [74, -4, 198, 36 * full],
    [72, -44, 164, 31 * full],
    [48, -64, 126, 22 * full],
    [8, -62, 108, 16],
    [-22, -46, 114, 11],
  ]);
  const bowelRadius = vary.uniform(0.85, 1.15);
  const colon = tube(
    [
      [-108, 30, -80, 20],
      [-112, 20, 50, 21],
      [-98, -8, 78, 20],
      [-60, -72, 62, 17],
      [20, -80, 56, 17],
      [84, -58, 96, 17],
      [112, 6, 128, 17],
      [120, 34, 90, 15],
      [116, 36, -80, 14],
    ].map(([x, y, z, r]) => [x!, y! + wander(), z! + 2 * wander(), r! * bowelRadius] as const),
  );
  const duodenum = tube([[-30, -38, 112, 10], [-50, -14, 96, 12], [-46, -2, 66, 12], [-10, -8, 56, 11], [34, -16, 72, 11]]);

  const domes = { right: 238 + vary.normal(0, 5), left: 226 + vary.normal(0, 5) };
  const ribs = { phase: vary.uniform(0, 30), spacing: vary.uniform(27, 32), slope: vary.uniform(52, 68) };
  const part = (label: number, shape: Shape, confined: boolean, loose: number): Part => ({ label, shape, confined, loose });
  return {
    parts: [
      part(8, aorta, false, 0.15),
      part(9, cava, false, 0.3),
      part(10, portal, true, 0.3),
      part(2, right.shape, true, 0.5),
      part(3, left.shape, true, 0.5),
      part(12, adrenals[0]!, true, 0.3),
      part(13, adrenals[1]!, true, 0.3),
      part(4, gallbladder, true, 0.5),
      part(5, oesophagus, false, 0.3),
      part(11, pancreas, true, 1),
      part(1, spleen, true, 0.8),
      part(6, liver, true, 1),
      part(7, stomach, true, 1),
      part(colonLabel, union([colon, duodenum], 2), true, 1),
    ],
    skin,
    muscle,
    cavity,
    vertebra,
    canal,
    psoas,
    heart: ellipsoid([22, -38, 262], [62, 46, 46], [0.3, -0.2, 1]),
    kidneys: union([right.whole, left.whole], 1),
    diaphragm: (x, y) => {
      const rightDome = domes.right - 0.0088 * ((x + 72) ** 2 + 0.9 * (y + 10) ** 2);
      const leftDome = domes.left - 0.0095 * ((x - 76) ** 2 + 0.9 * (y + 6) ** 2);
      return -smoothMinimum(-rightDome, -leftDome, 24);
    },
    rib: (x, y, z) => {
      const around = Math.atan2(Math.abs(x) / half.x, y / half.y); // 0 at the spine, π at the breastbone
      const centred = z + ribs.slope * around - ribs.phase;
      const along = centred - ribs.spacing * Math.round(centred / ribs.spacing);
      const depth = wall.distance(x, y, z) - 4;
      return Math.hypot(along / 1.35, depth) + (around > 2.1 ? 6 * (around - 2.1) : 0) + (around < 0.42 ? 30 * (0.42 - around) : 0);
    },
    gasLevel: vary.uniform(-78, -48),
  };
}

/** An oval column, flatter at the back. */
function oval(halfWidth: number, halfDepth: number): Shape {
  return {
    distance: (x, y) => {
      const depth = y > 0 ? 0.93 * halfDepth : halfDepth;
      // Between an ellipse and a rectangle.
      const [a, b] = [Math.abs(x) / halfWidth, Math.abs(y) / depth];
      const level = (a ** 2.3 + b ** 2.3) ** (1 / 2.3);
      return (level - 1) * Math.min(halfWidth, depth) * (0.75 + 0.25 * Math.min(1, a));
    },
  };
}
