import type { Generator } from "@hidiff/core-tensor/random";
import { gaussianBlur } from "../augmentation/gaussian-blur.ts";
import type { DrawnSlice, DrawnVolume } from "./drawn-volume.ts";
import { NoiseField } from "./noise-field.ts";
import { ellipsoid, type Point, type Shape, tube } from "./shapes.ts";

/** What lies around one hippocampus, in millimetres from its middle: x to the left, y to the back, z to the head. */
interface Surroundings {
  readonly hippocampus: Shape;
  readonly amygdala: Shape;
  readonly thalamus: Shape;
  /** 1 where the outer side of the head is on the left, -1 where it is on the right. */
  readonly outward: 1 | -1;
  /** The front part ends here. */
  readonly boundary: number;
  readonly folds: NoiseField;
  readonly texture: NoiseField;
}

const signals = { fluid: 0.2, grey: 0.58, white: 0.95 } as const;

/**
 * Draws the surroundings of one hippocampus on a T1-weighted MR image: about 36×50×35 voxels of 1 mm (width, height,
 * depth), as the task of the Medical Segmentation Decathlon has them. Labels: 1 its front part, 2 its back part.
 * Intensities are arbitrary and vary wildly between volumes; the cortex and the amygdala beside it are as bright as it is.
 */
export function drawHippocampus(generator: Generator): DrawnVolume {
  const shape = generator.split("grid");
  const [width, height, depth] = [34 + shape.integer(5), 48 + shape.integer(6), 32 + shape.integer(7)];
  const scene = place(generator.split("place"));
  const scanner = generator.split("scanner");
  const gain = Math.exp(scanner.uniform(Math.log(90), Math.log(3000)));
  const noise = scanner.uniform(0.03, 0.07);
  const tilt: Point = [scanner.uniform(-0.006, 0.006), scanner.uniform(-0.006, 0.006), scanner.uniform(-0.006, 0.006)];
  return {
    depth,
    height,
    width,
    channels: 1,
    spacing: [1, 1, 1],
    slice: (index): DrawnSlice => {
      const image = new Float32Array(height * width);
      const labels = new Uint8Array(height * width);
      const z = index + 0.5 - depth / 2;
      for (let row = 0, pixel = 0; row < height; row++) {
        for (let column = 0; column < width; column++, pixel++) {
          const [x, y] = [column + 0.5 - width / 2, row + 0.5 - height / 2];
          const distance = unevenDistance(scene, x, y, z);
          if (distance < 0) labels[pixel] = y < scene.boundary ? 1 : 2;
          image[pixel] = signalAt(scene, distance, x, y, z) * (1 + tilt[0] * x + tilt[1] * y + tilt[2] * z);
        }
      }
      const sharp = gaussianBlur(image, height, width, 1, 5, 0.6);
      const random = generator.split(`slice ${index}`);
      for (let i = 0; i < sharp.length; i++) sharp[i] = gain * Math.hypot(sharp[i]! + noise * random.normal(), noise * random.normal());
      return { image: sharp, labels };
    },
  };
}

function place(generator: Generator): Surroundings {
  const outward = generator.bernoulli(0.5) ? 1 : -1;
  const size = generator.uniform(0.9, 1.15);
  const wander = (): number => generator.normal(0, 0.8);
  // From the head, in front and below, over the body to the tail, which climbs around the brain stem.
  const line = [
    [1, -15, -7, 4.6],
    [-1, -10, -7.5, 6],
    [1.5, -3, -5, 4.8],
    [2, 5, -1, 4],
    [-1, 12, 4, 3.4],
    [-6, 16, 8, 2.2],
  ].map(([x, y, z, radius]) => [outward * x! + wander(), y! * size + wander(), z! + wander(), radius! * size] as const);
  return {
    hippocampus: tube(line),
    amygdala: ellipsoid([outward * -2 + wander(), -21 * size, -2], [7, 5.5, 6.5]),
    thalamus: ellipsoid([outward * -13, 8 + wander(), 15], [9, 12, 8]),
    outward,
    boundary: generator.normal(-5, 1.5),
    folds: new NoiseField(generator.split("folds")),
    texture: new NoiseField(generator.split("texture")),
  };
}

/** Distance to the hippocampus with an uneven outline. */
function unevenDistance({ hippocampus, folds }: Surroundings, x: number, y: number, z: number): number {
  // Flatter than wide.
  return hippocampus.distance(x, y, z + 0.16 * z) + 1.1 * folds.at(x / 5 + 9, y / 5, z / 5);
}

/** The signal at a place that is `distance` away from the hippocampus. */
function signalAt(scene: Surroundings, distance: number, x: number, y: number, z: number): number {
  const { folds, texture, outward } = scene;
  const grain = 1 + 0.06 * texture.fractal(x / 3, y / 3, z / 3, 2);
  if (distance < 0) return grain * signals.grey;
  // The horn of the ventricle covers the outer side.
  if (distance < 2.2 && outward * x + 0.5 * z > 0.5 && texture.at(x / 8, y / 8, z / 8) > -0.25) return grain * signals.fluid;
  if (scene.amygdala.distance(x, y, z) < 0 || scene.thalamus.distance(x, y, z) < 0) return grain * 1.05 * signals.grey;
  const furrow = Math.abs(folds.at(x / 12, y / 14, z / 12) + 0.3 * folds.at(x / 6, y / 6, z / 6)) * 8;
  if (distance > 2) {
    if (furrow < 0.7) return grain * signals.fluid;
    if (furrow < 3) return grain * signals.grey;
  }
  return grain * signals.white;
}
