import type { Generator } from "@hidiff/core-tensor/random";
import { gaussianBlur } from "../augmentation/gaussian-blur.ts";
import { type Abdomen, colonLabel, type Part, placeOrgans } from "./abdomen-anatomy.ts";
import { smoothStep } from "./canvas.ts";
import { checkDrawnSize, type DrawnSlice, type DrawnVolume } from "./drawn-volume.ts";
import { NoiseField } from "./noise-field.ts";

export interface AbdomenOptions {
  /** The side of a slice in pixels, at least 32; it shows 380 mm. */
  readonly size: number;
  /** The number of slices; together they span 225 mm from the navel to the dome of the liver. */
  readonly depth: number;
}

const fieldOfView = 380;
const lowest = 8;
const span = 225;

/** Which of TransUNet's eight organs a number of the BTCV challenge is; the others are background. */
export const btcvToSynapse: readonly number[] = [0, 7, 4, 3, 2, 0, 5, 8, 1, 0, 0, 6, 0, 0];

/**
 * Draws a contrast-enhanced CT of an abdomen in Hounsfield units, labelled as the BTCV challenge does (1 spleen … 13 left
 * adrenal gland): body fat, muscles, spine, ribs, lung bases, bowel, vessels, and the couch below. Many parts share one
 * brightness, and the outlines are irregular.
 *
 * @throws `datasets.option` for a size below 32 or a depth below 1
 */
export function drawAbdomen({ size, depth }: AbdomenOptions, generator: Generator): DrawnVolume {
  checkDrawnSize("drawAbdomen", size, depth);
  const abdomen = placeOrgans(generator.split("organs"));
  const tissue = mixTissues(generator.split("tissue"));
  const fields = { outline: new NoiseField(generator.split("outline")), texture: new NoiseField(generator.split("texture")) };
  const noise = generator.split("scanner").uniform(11, 19);
  const spacing = fieldOfView / size;
  return {
    depth,
    height: size,
    width: size,
    channels: 1,
    spacing: [span / depth, spacing, spacing],
    slice: (index) => {
      const z = lowest + ((index + 0.5) * span) / depth;
      return scan(drawSlice(abdomen, tissue, fields, size, z), size, noise, generator.split(`slice ${index}`));
    },
  };
}

/** Hounsfield units of a patient's tissues. */
interface Tissues {
  /** By label. */
  readonly parts: readonly number[];
  readonly muscle: number;
  readonly fat: number;
  readonly vessel: number;
  readonly cortex: number;
  readonly lesions: number;
  readonly food: number;
}

interface Fields {
  readonly outline: NoiseField;
  readonly texture: NoiseField;
}

function mixTissues(generator: Generator): Tissues {
  const around = (mean: number, deviation: number): number => generator.normal(mean, deviation);
  const blood = around(165, 15);
  const kidney = around(165, 14);
  return {
    parts: [
      0,
      around(118, 8),
      kidney,
      kidney,
      around(10, 4),
      around(55, 6),
      around(106, 9),
      around(72, 8),
      blood,
      around(135, 12),
      around(155, 10),
      around(92, 8),
      75,
      75,
      60,
    ],
    muscle: around(60, 5),
    fat: around(-104, 5),
    vessel: around(38, 6),
    cortex: around(28, 8),
    lesions: generator.bernoulli(0.4) ? generator.uniform(0.42, 0.5) : 2,
    food: around(22, 14),
  };
}

function drawSlice(abdomen: Abdomen, tissue: Tissues, fields: Fields, size: number, z: number): DrawnSlice {
  const image = new Float32Array(size * size);
  const labels = new Uint8Array(size * size);
  const { outline } = fields;
  const pixelSize = fieldOfView / size;
  const partsNear = sortParts(abdomen, z);
  for (let row = 0, pixel = 0; row < size; row++) {
    for (let column = 0; column < size; column++, pixel++) {
      const x = (column + 0.5 - size / 2) * pixelSize;
      const y = (row + 0.5 - size / 2) * pixelSize;
      const skin = abdomen.skin.distance(x, y, z);
      if (skin > 0) {
        image[pixel] = couch(x, y);
        continue;
      }
      // Everything inside is bent a little, the looser the more.
      const bend = {
        x: 7 * outline.at(x / 38, y / 38, z / 38) + 1.8 * outline.at(x / 11, y / 11, z / 11),
        y: 7 * outline.at(x / 38 + 9, y / 38, z / 38 + 4) + 1.8 * outline.at(x / 11 + 9, y / 11, z / 11 + 4),
        z: 7 * outline.at(x / 38, y / 38 + 13, z / 38 + 7),
      };
      image[pixel] = fillBody(abdomen, partsNear(x, y), tissue, fields, x, y, z, skin, bend, labels, pixel);
    }
  }
  return { image, labels };
}

/** The parts that may reach a place of the slice, in their order; found once for each square of 16 mm. */
function sortParts({ parts }: Abdomen, z: number): (x: number, y: number) => readonly Part[] {
  const square = 16;
  // Half a diagonal of the square and the longest bend, doubled, as distances far off are rough.
  const reach = 50;
  const count = Math.ceil(fieldOfView / square) + 1;
  const found: (Part[] | undefined)[] = [];
  return (x, y) => {
    const [column, row] = [Math.floor((x + fieldOfView / 2) / square), Math.floor((y + fieldOfView / 2) / square)];
    const centre = (index: number): number => (index + 0.5) * square - fieldOfView / 2;
    return (found[row * count + column] ??= parts.filter(({ shape }) => shape.distance(centre(column), centre(row), z) < reach));
  };
}

function fillBody(
  abdomen: Abdomen,
  parts: readonly Part[],
  tissue: Tissues,
  fields: Fields,
  x: number,
  y: number,
  z: number,
  skin: number,
  bend: { readonly x: number; readonly y: number; readonly z: number },
  labels: Uint8Array,
  pixel: number,
): number {
  const { texture } = fields;
  const strands = texture.fractal(x / 9, y / 9, z / 9, 3);
  const fat = tissue.fat + 9 * strands;
  if (skin > -2.2) return 20;
  const bone = drawBones(abdomen, tissue, texture, x, y, z);
  if (bone !== undefined) return bone;
  const muscle = abdomen.muscle.distance(x + 0.4 * bend.x, y + 0.4 * bend.y, z);
  if (muscle > 0) return fat;
  const flesh = tissue.muscle + 10 * texture.fractal(x / 5, y / 5, z / 14, 2) - (texture.at(x / 14, y / 14, z / 40) > 0.62 ? 90 : 0);
  const cavity = abdomen.cavity.distance(x + 0.4 * bend.x, y + 0.4 * bend.y, z);
  const aboveDiaphragm = z - abdomen.diaphragm(x + bend.x, y + bend.y);
  if (cavity > 0) {
    // Layers of the abdominal wall, with fat between.
    return cavity < 2 && texture.at(x / 20, y / 20, z / 20 + 3) > 0 ? fat : flesh;
  }
  const found = findPart(parts, x, y, z, bend, cavity, aboveDiaphragm);
  if (found !== undefined && found.label <= 13) labels[pixel] = found.label;
  if (found !== undefined) return partDensity(abdomen, tissue, texture, found.label, found.distance, x, y, z, bend);
  if (aboveDiaphragm > 0) {
    if (aboveDiaphragm < 3) return tissue.muscle;
    if (abdomen.heart.distance(x + bend.x, y + bend.y, z) < 0) return 0.75 * tissue.parts[8]! + 8 * strands;
    if (Math.hypot((x + bend.x) / 34, (y + bend.y - 22) / 48) < 1) return strands > 0.1 ? 40 : -60;
    return texture.at(x / 9 + 3, y / 9, z / 16) > 0.66 ? 20 : -850 + 60 * strands + 0.6 * y;
  }
  if (abdomen.psoas.distance(x + 0.6 * bend.x, y + 0.6 * bend.y, z) < 0) return flesh;
  return smallBowel(tissue, texture, x, y, z, bend) ?? fat + 12 * Math.max(0, texture.at(x / 5, y / 5, z / 9)) + meshVessels(texture, x, y, z);
}

/** The couch that the patient lies on, otherwise air. */
function couch(x: number, y: number): number {
  const top = 128 + 0.0011 * x * x;
  if (Math.abs(x) > 175 || y < top - 1.5) return -1000;
  if (y < top + 1.5) return -180;
  return y < top + 22 ? -940 : y < top + 24 ? -220 : -1000;
}

function drawBones(abdomen: Abdomen, tissue: Tissues, texture: NoiseField, x: number, y: number, z: number): number | undefined {
  const grain = 60 * texture.fractal(x / 3, y / 3, z / 3, 2);
  const canal = abdomen.canal.distance(x, y, z);
  if (canal < 0) return 25 + (canal < -4.5 ? 18 : 0);
  // A vertebra and a disc every 34 mm.
  const level = ((z % 34) + 34) % 34;
  const disc = Math.abs(level - 17) > 13.5;
  const waist = disc ? 0 : 2.6 * Math.cos(((level - 17) / 13.5) * (Math.PI / 2));
  const body = Math.max(abdomen.vertebra.distance(x * 0.88, y, z) + waist, y - 66);
  if (body < 0) return disc ? 95 + 0.15 * grain : body > -2 ? 420 + grain : 190 + grain;
  // Arch, spinous and transverse processes.
  if (canal < 4 && (!disc || level > 17)) return 430 + grain;
  if (!disc) {
    const spine = Math.abs(x) - 3 + 0.05 * (y - 84);
    if (y > 82 && y < 106 && spine < 0) return 360 + grain;
    const wing = Math.abs(y - 74 - 0.3 * Math.abs(x)) - 4.4 + 0.07 * Math.abs(x);
    if (Math.abs(level - 19) < 6 && Math.abs(x) < 34 && wing < 0) return 300 + grain;
  }
  if (z > 30) {
    const rib = abdomen.rib(x, y, z);
    if (rib < 5.2) return rib > 3.4 ? 420 + grain : 150 + grain;
  }
  return undefined;
}

function findPart(
  parts: readonly Part[],
  x: number,
  y: number,
  z: number,
  bend: { readonly x: number; readonly y: number; readonly z: number },
  cavity: number,
  aboveDiaphragm: number,
): { label: number; distance: number } | undefined {
  for (const { label, shape, confined, loose } of parts) {
    if (confined && (aboveDiaphragm > -2.5 || cavity > -1.5)) continue;
    const distance = shape.distance(x + loose * bend.x, y + loose * bend.y, z + loose * bend.z);
    if (distance < 0) return { label, distance };
    // A film of fat keeps neighbours apart.
    if (distance < 1.3) return undefined;
  }
  return undefined;
}

function partDensity(
  abdomen: Abdomen,
  tissue: Tissues,
  texture: NoiseField,
  label: number,
  distance: number,
  x: number,
  y: number,
  z: number,
  bend: { readonly x: number; readonly y: number; readonly z: number },
): number {
  const mean = tissue.parts[label]!;
  const grain = texture.fractal(x / 4, y / 4, z / 4, 2);
  if (label === 2 || label === 3) {
    // A bright cortex around darker pyramids.
    const depth = -abdomen.kidneys.distance(x + 0.5 * bend.x, y + 0.5 * bend.y, z + 0.5 * bend.z);
    const pyramid = smoothStep((depth - 5) / 3) * smoothStep(0.8 + 2 * texture.at(x / 9, y / 9, z / 9));
    return mean + tissue.cortex * (1 - 2 * pyramid) + 5 * grain;
  }
  if (label === 6) {
    const lesion = texture.fractal(x / 24 + 5, y / 24, z / 24, 2) > tissue.lesions ? 55 : 0;
    const trunk = Math.abs(texture.at(x / 34, y / 34, z / 52 + 5)) + Math.abs(texture.at(x / 34 + 8, y / 34, z / 52));
    return mean + tissue.vessel * smoothStep(1.5 - trunk / 0.11) - lesion + 6 * grain;
  }
  if (label === 11) return mean - 45 * smoothStep(2.2 * texture.at(x / 6, y / 6, z / 6) - 0.7) + 6 * grain;
  if (label === 7 || label === colonLabel) {
    if (distance > -3.2) return mean + 6 * grain;
    const level = abdomen.gasLevel + (label === 7 ? 0 : 14 + 26 * texture.at(x / 70, 2, z / 70));
    if (y < level) return -930;
    const stool = label === 7 ? 12 * grain : texture.fractal(x / 7, y / 7, z / 7, 2) > 0.25 ? -420 : 25 * grain;
    return tissue.food + stool;
  }
  return mean + 5 * grain;
}

/** Loops of small bowel fill the lower front. */
function smallBowel(
  tissue: Tissues,
  texture: NoiseField,
  x: number,
  y: number,
  z: number,
  bend: { readonly x: number; readonly y: number },
): number | undefined {
  const [px, py] = [x + 2.5 * bend.x, y + 2.5 * bend.y];
  const room = smoothStep((108 - z) / 40) * smoothStep(1.6 - 1.25 * Math.hypot(px / 105, (py + 30) / 62));
  // Turned against the lattice of the noise, whose rows would show.
  const loop = texture.at((0.83 * px + 0.56 * py) / 27 + 2, (0.83 * py - 0.56 * px) / 27, z / 27) - 0.02 - 0.9 * (1 - room);
  if (loop < 0) return undefined;
  if (loop < 0.09) return tissue.parts[colonLabel]! + 30;
  return texture.at(x / 60 + 8, y / 60, z / 60) > 0.35 && y < -40 ? -850 : tissue.food + 12;
}

/** Small vessels in the fat of the mesentery. */
function meshVessels(texture: NoiseField, x: number, y: number, z: number): number {
  const line = Math.abs(texture.at(x / 17 + 4, y / 17, z / 30)) + Math.abs(texture.at(x / 17, y / 17 + 7, z / 30));
  return 190 * smoothStep(1.4 - line / 0.1);
}

/** What a scanner makes of the slice: unsharp, with noise, in whole Hounsfield units from −1024 on. */
function scan({ image, labels }: DrawnSlice, size: number, noise: number, generator: Generator): DrawnSlice {
  const pixelSize = fieldOfView / size;
  const sharp = gaussianBlur(image, size, size, 1, 9, Math.max(0.35, 0.75 / pixelSize));
  // Reconstruction makes grains of about 1.5 mm.
  const sigma = Math.max(0.3, 0.65 / pixelSize);
  const grain = gaussianBlur(generator.normalArray(size * size), size, size, 1, 9, sigma);
  const strength = noise * Math.max(1, 2 * sigma * Math.sqrt(Math.PI));
  for (let i = 0; i < sharp.length; i++) sharp[i] = Math.max(-1024, Math.round(sharp[i]! + strength * grain[i]!));
  return { image: sharp, labels };
}
