import type { Generator } from "@hidiff/core-tensor/random";
import { gaussianBlur } from "../augmentation/gaussian-blur.ts";
import { smoothStep } from "./canvas.ts";
import { type Colon, growColon } from "./colon.ts";
import { type Mucosa, paintMucosa } from "./mucosa.ts";
import type { Point } from "./shapes.ts";

/** A photograph with its mask. */
export interface DrawnPhotograph {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3], 8-bit RGB */
  readonly image: Uint8Array;
  /** [height, width] of 0 and 1 */
  readonly mask: Uint8Array;
}

/** A piece of bowel that is filmed: frame 0, 1, … look alike, as the frames of a film do. */
export interface EndoscopyScene {
  frame(index: number, width: number, height: number): DrawnPhotograph;
}

interface Camera {
  readonly position: Point;
  /** Unit vectors: to the right, down, and ahead. */
  readonly axes: readonly [Point, Point, Point];
}

interface Film {
  readonly colon: Colon;
  readonly mucosa: Mucosa;
  camera(frame: number): Camera;
  /** The tangent of half the angle of view along the shorter side. */
  readonly wide: number;
  readonly exposure: number;
  readonly corner: number;
  readonly inset: { readonly width: number; readonly height: number };
  readonly noise: number;
}

/** The share of a picture that polyps cover lies in this range in the first frame. */
const coverage = [0.012, 0.5] as const;

/**
 * A colonoscopy: one to three polyps (sessile, lobed, flat or on a stalk) in a folded bowel with vessels, residues and
 * wet highlights, lit by a lamp beside the camera, within the black corners of a colonoscope's picture. Polyps have
 * nearly the colour of the wall: their shape and surface tell them apart.
 */
export function filmColon(generator: Generator): EndoscopyScene {
  // A polyp that is hidden by a fold or out of view is of no use: look for another scene.
  for (let attempt = 0; ; attempt++) {
    const film = prepare(generator.split(attempt));
    const { mask } = render(film, 0, 40, 40, generator);
    const share = mask.reduce((sum, value) => sum + value, 0) / mask.length;
    if (share < coverage[0] || share > coverage[1]) continue;
    return { frame: (index, width, height) => render(film, index, width, height, generator.split(`camera ${index}`)) };
  }
}

function prepare(generator: Generator): Film {
  const count = generator.bernoulli(0.8) ? 1 : 2 + generator.integer(2);
  const colon = growColon(count, generator.split("colon"));
  const look = generator.split("look");
  const target = colon.polyps[0]!.middle;
  const start: Point = [look.uniform(-0.35, 0.35), look.uniform(-0.35, 0.35), look.uniform(-0.1, 0.7)];
  const interest = look.uniform(0.3, 0.95);
  const [mx, my] = colon.middle(3);
  const ahead: Point = [
    interest * target[0] + (1 - interest) * mx,
    interest * target[1] + (1 - interest) * my,
    interest * target[2] + (1 - interest) * 3,
  ];
  const roll = look.uniform(0, 2 * Math.PI);
  const speed = look.uniform(0.004, 0.014);
  const sway = { strength: look.uniform(0.01, 0.03), phase: look.uniform(0, 2 * Math.PI), rate: look.uniform(0.25, 0.5) };
  return {
    colon,
    mucosa: paintMucosa(generator.split("mucosa")),
    camera: (frame) => {
      const swing = (phase: number): number => sway.strength * (Math.sin(sway.rate * frame + sway.phase + phase) - Math.sin(sway.phase + phase));
      const position: Point = [start[0] + swing(0), start[1] + swing(2), start[2] + speed * frame];
      return { position, axes: lookAt(position, ahead, roll + 0.5 * swing(4)) };
    },
    wide: look.uniform(0.85, 1.2),
    exposure: look.uniform(0.75, 1.25),
    corner: look.uniform(0.5, 0.75),
    inset: look.bernoulli(0.3) ? { width: look.uniform(0.28, 0.36), height: look.uniform(0.28, 0.4) } : { width: 0, height: 0 },
    noise: look.uniform(0.008, 0.018),
  };
}

/** The camera's axes from `position` towards `target`. */
function lookAt(position: Point, target: Point, roll: number): [Point, Point, Point] {
  const ahead = unit([target[0] - position[0], target[1] - position[1], target[2] - position[2]]);
  const side = unit(cross(Math.abs(ahead[1]) < 0.9 ? [0, 1, 0] : [1, 0, 0], ahead));
  const down = cross(ahead, side);
  const [c, s] = [Math.cos(roll), Math.sin(roll)];
  const turn = (a: Point, b: Point, p: number, q: number): Point => [p * a[0] + q * b[0], p * a[1] + q * b[1], p * a[2] + q * b[2]];
  return [turn(side, down, c, s), turn(side, down, -s, c), ahead];
}

function render(film: Film, frame: number, width: number, height: number, generator: Generator): DrawnPhotograph {
  const camera = film.camera(frame);
  const scene = new Float32Array(width * height * 3);
  const mask = new Uint8Array(width * height);
  const shorter = Math.min(width, height);
  const colour: [number, number, number] = [0, 0, 0];
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0; column < width; column++, pixel++) {
      const x = (2 * column + 1 - width) / shorter;
      const y = (2 * row + 1 - height) / shorter;
      if (aperture(film, x, y, width / shorter, height / shorter, shorter) < 0.004) continue;
      const direction = ray(camera, film.wide * x, film.wide * y);
      const hit = march(film.colon, camera.position, direction);
      if (hit.polyp) mask[pixel] = 1;
      film.mucosa.shade(film.colon, camera.position, direction, hit, colour);
      const vignette = 1 - 0.22 * (x * x + y * y);
      for (let channel = 0; channel < 3; channel++) {
        // The camera's curve: bright parts saturate gently.
        scene[3 * pixel + channel] = 1 - Math.exp(-1.9 * film.exposure * vignette * colour[channel]!);
      }
    }
  }
  const image = takePicture(film, scene, mask, width, height, generator);
  return { width, height, image, mask };
}

/** Lens, sensor, the black frame and 8-bit storage; what the frame hides is taken out of the mask. */
function takePicture(film: Film, scene: Float32Array, mask: Uint8Array, width: number, height: number, generator: Generator): Uint8Array {
  const shorter = Math.min(width, height);
  const sharp = gaussianBlur(scene, height, width, 3, 7, 0.4 + (0.5 * shorter) / 500);
  const grain = gaussianBlur(generator.normalArray(scene.length), height, width, 3, 5, 0.5);
  const image = new Uint8Array(scene.length);
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0; column < width; column++, pixel++) {
      const x = (2 * column + 1 - width) / shorter;
      const y = (2 * row + 1 - height) / shorter;
      const open = aperture(film, x, y, width / shorter, height / shorter, shorter);
      if (open < 0.5) mask[pixel] = 0;
      for (let channel = 0; channel < 3; channel++) {
        const i = 3 * pixel + channel;
        const value = open * (sharp[i]! + film.noise * grain[i]! * (0.6 + 1.2 * Math.sqrt(sharp[i]!))) + 0.012;
        image[i] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
    }
  }
  return image;
}

/** 1 where the picture is, 0 in the cut corners and in the dark box at the lower left; x and y from the middle. */
function aperture(film: Film, x: number, y: number, halfWidth: number, halfHeight: number, shorter: number): number {
  const edge = Math.min(halfWidth - Math.abs(x) - 0.01, halfHeight - Math.abs(y) - 0.01);
  const diagonal = (halfWidth + halfHeight - film.corner - Math.abs(x) - Math.abs(y)) / Math.SQRT2;
  const { inset } = film;
  const box = Math.max(x + halfWidth - 2 * halfWidth * inset.width, halfHeight - y - 2 * halfHeight * inset.height);
  const inside = inset.width > 0 ? Math.min(edge, diagonal, box) : Math.min(edge, diagonal);
  return smoothStep((inside * shorter) / 4 + 0.5);
}

function ray({ axes }: Camera, x: number, y: number): Point {
  const [right, down, ahead] = axes;
  return unit([
    ahead[0] + x * right[0] + y * down[0],
    ahead[1] + x * right[1] + y * down[1],
    ahead[2] + x * right[2] + y * down[2],
  ]);
}

/** Where a ray meets tissue. */
export interface Hit {
  readonly point: Point;
  readonly length: number;
  readonly polyp: boolean;
}

const farthest = 9;

/** Sphere tracing; steps are shortened because the distances are estimates. */
function march(colon: Colon, from: Point, direction: Point): Hit {
  let length = 0.02;
  let polyp = false;
  for (let step = 0; step < 160 && length < farthest; step++) {
    const [x, y, z] = [from[0] + length * direction[0], from[1] + length * direction[1], from[2] + length * direction[2]];
    const distances = colon.distances(x, y, z);
    const nearest = Math.min(distances.wall, distances.polyp);
    polyp = distances.polyp < distances.wall;
    if (nearest < 0.0015 * (1 + length)) break;
    length += 0.42 * nearest;
  }
  const point: Point = [from[0] + length * direction[0], from[1] + length * direction[1], from[2] + length * direction[2]];
  return { point, length, polyp };
}

function unit([x, y, z]: Point): Point {
  const length = Math.sqrt(x * x + y * y + z * z);
  return [x / length, y / length, z / length];
}

function cross(a: Point, b: Point): Point {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
