import type { Generator } from "@hidiff/core-tensor/random";
import { gaussianBlur } from "../augmentation/gaussian-blur.ts";
import { createLayer, drawSegment, smoothStep, type Layer } from "./canvas.ts";
import { drawLesions, type LesionLayers } from "./lesions.ts";
import { smoothNoise } from "./smooth-noise.ts";
import { growVessels, type FundusAnatomy, type VesselSegment, type VesselWidths } from "./vessel-tree.ts";

/** A drawn fundus. */
interface Fundus {
  /** [size, size, 3] in [-1, 1], on the 256 levels of an 8-bit image */
  readonly image: Float32Array;
  /** [size, size, 1]: 1 on vessels */
  readonly mask: Float32Array;
  /** [size, size] of 0 and 1 */
  readonly fieldOfView: Uint8Array;
}

/** How strongly blood darkens red, green and blue. */
const bloodAbsorption = [0.45, 1, 1.1] as const;

/**
 * Draws the picture that a fundus camera would take, with the mask of its vessels: optic disc, macula, uneven light,
 * mottled background, choroidal vessels and lesions (neither of them in the mask), a slightly unsharp lens and sensor
 * noise. The thinnest vessels are about as faint as the noise.
 */
export function drawFundus(size: number, generator: Generator): Fundus {
  const anatomy = drawAnatomy(generator.split("anatomy"));
  const widths = vesselWidths(size);
  const vessels = growVessels(anatomy, widths, generator.split("vessels"));
  const absorption = createLayer(size);
  const coverage = createLayer(size);
  const contrast = generator.split("contrast").uniform(0.85, 1.15);
  for (const vessel of vessels) drawVessel(absorption, coverage, vessel, widths, contrast);
  const choroid = drawChoroid(size, anatomy, generator.split("choroid"));
  const lesions = { dark: createLayer(size), exudate: createLayer(size), cottonWool: createLayer(size) };
  const health = generator.split("health");
  if (health.bernoulli(0.7)) drawLesions(lesions, anatomy, health.uniform(0.25, 1), health);
  const fieldOfView = fieldOfViewLayer(size, anatomy);
  const image = compose(anatomy, fieldOfView, absorption, choroid, lesions, generator.split("light"));
  const mask = new Float32Array(size * size);
  const seen = new Uint8Array(size * size);
  for (let pixel = 0; pixel < mask.length; pixel++) {
    seen[pixel] = fieldOfView.values[pixel]! >= 0.5 ? 1 : 0;
    mask[pixel] = seen[pixel] === 1 && coverage.values[pixel]! >= 0.5 ? 1 : 0;
  }
  return { image: takePicture(image, size, generator.split("camera")), mask, fieldOfView: seen };
}

function drawAnatomy(generator: Generator): FundusAnatomy {
  const side = generator.bernoulli(0.5) ? 1 : -1;
  const disc = {
    x: side * generator.uniform(0.48, 0.68),
    y: generator.uniform(-0.12, 0.12),
    radius: generator.uniform(0.11, 0.145),
  };
  const macula = {
    x: disc.x - side * generator.uniform(0.62, 0.74),
    y: disc.y + generator.uniform(0, 0.1),
    radius: generator.uniform(0.07, 0.1),
  };
  const fieldOfView = {
    x: generator.uniform(-0.015, 0.015),
    y: generator.uniform(-0.015, 0.015),
    radius: generator.uniform(0.93, 0.97),
  };
  return { disc, macula, fieldOfView };
}

/** In picture coordinates; small pictures get fewer but wider vessels, so that each stays about a pixel wide. */
function vesselWidths(size: number): VesselWidths {
  const pixel = 2 / size;
  return { trunk: Math.max(0.036, 2.1 * pixel), thinnest: Math.max(0.0065, 0.9 * pixel) };
}

function drawVessel(absorption: Layer, coverage: Layer, vessel: VesselSegment, widths: VesselWidths, contrast: number): void {
  const { width, kind, prominence } = vessel;
  const radius = width / 2;
  // Thin vessels are faint: less blood in the way, and more of the lens's blur.
  const relative = Math.min(1, (width - widths.thinnest) / (widths.trunk - widths.thinnest));
  const depth = contrast * prominence * (kind === "vein" ? 0.26 + 0.36 * relative ** 0.7 : 0.23 + 0.22 * relative ** 0.7);
  const reflex = kind === "artery" ? 0.4 * relative : 0.1 * relative;
  const reach = radius + 2 / absorption.size;
  drawSegment(absorption, vessel, reach, (distance, halfPixel) => {
    const edge = Math.min(1, Math.max(0, (radius - distance) / (2 * halfPixel) + 0.5));
    const across = Math.min(1, distance / radius);
    const thickness = 0.55 + 0.45 * Math.sqrt(1 - across * across);
    const glint = 1 - reflex * Math.exp(-((across / 0.35) ** 2));
    return depth * edge * thickness * glint;
  });
  drawSegment(coverage, vessel, reach, (distance, halfPixel) => (distance <= Math.max(radius, 1.1 * halfPixel) ? 1 : 0));
}

/** Wide, faint, unsharp vessels behind the retina, which are not to be segmented. */
function drawChoroid(size: number, { fieldOfView }: FundusAnatomy, generator: Generator): Layer {
  const layer = createLayer(size);
  const visible = generator.uniform();
  if (visible < 0.3) return layer;
  for (let count = 4 + generator.integer(9); count > 0; count--) {
    const angle = generator.uniform(0, 2 * Math.PI);
    let x = fieldOfView.x + 0.9 * Math.cos(angle);
    let y = fieldOfView.y + 0.9 * Math.sin(angle);
    let heading = angle + Math.PI + generator.uniform(-0.8, 0.8);
    const radius = generator.uniform(0.012, 0.03);
    const strength = visible * generator.uniform(0.05, 0.13);
    for (let steps = 12 + generator.integer(30); steps > 0; steps--) {
      const [x0, y0] = [x, y];
      heading += generator.normal(0, 0.12);
      x += 0.03 * Math.cos(heading);
      y += 0.03 * Math.sin(heading);
      drawSegment(layer, { x0, y0, x1: x, y1: y }, 2 * radius, (distance) => strength * smoothStep(1 - distance / (2 * radius)));
    }
  }
  return layer;
}

function fieldOfViewLayer(size: number, { fieldOfView }: FundusAnatomy): Layer {
  const layer = createLayer(size);
  for (let row = 0, pixel = 0; row < size; row++) {
    for (let column = 0; column < size; column++, pixel++) {
      const distance = Math.hypot((2 * column + 1) / size - 1 - fieldOfView.x, (2 * row + 1) / size - 1 - fieldOfView.y);
      layer.values[pixel] = smoothStep(((fieldOfView.radius - distance) * size) / 4 + 0.5);
    }
  }
  return layer;
}

/** The scene in [0, 1], before the lens: [size, size, 3]. */
function compose(
  { disc, macula }: FundusAnatomy,
  fieldOfView: Layer,
  absorption: Layer,
  choroid: Layer,
  lesions: LesionLayers,
  generator: Generator,
): Float32Array {
  const { size } = fieldOfView;
  const tint = [generator.uniform(0.62, 0.82), generator.uniform(0.32, 0.46), generator.uniform(0.12, 0.24)] as const;
  const discTint = [generator.uniform(0.94, 1), generator.uniform(0.78, 0.88), generator.uniform(0.48, 0.62)] as const;
  const exudateTint = [0.98, 0.88, 0.5] as const;
  const cottonTint = [0.93, 0.82, 0.66] as const;
  const light = { x: generator.uniform(-0.3, 0.3), y: generator.uniform(-0.3, 0.3), falloff: generator.uniform(0.25, 0.55) };
  const pigment = generator.uniform(0.35, 0.6);
  const cup = { x: disc.x + generator.uniform(-0.2, 0.2) * disc.radius, radius: disc.radius * generator.uniform(0.35, 0.55) };
  const clouds = smoothNoise(size, 3, 2, generator);
  const mottling = smoothNoise(size, 14, Math.max(1, Math.round(Math.log2(size / 28))), generator);
  const mottlingStrength = generator.uniform(0.025, 0.06);
  const image = new Float32Array(size * size * 3);
  for (let row = 0, pixel = 0; row < size; row++) {
    for (let column = 0; column < size; column++, pixel++) {
      const x = (2 * column + 1) / size - 1;
      const y = (2 * row + 1) / size - 1;
      const lit =
        (1 - light.falloff * ((x - light.x) ** 2 + (y - light.y) ** 2)) * (1 + 0.1 * clouds[pixel]!) +
        mottlingStrength * mottling[pixel]!;
      const fromMacula = ((x - macula.x) ** 2 + (y - macula.y) ** 2) / (2.2 * macula.radius) ** 2;
      const fromDisc = Math.hypot((x - disc.x) / 0.94, y - disc.y) / disc.radius;
      const onDisc = 0.92 * smoothStep((1 - fromDisc) / 0.22 + 0.5);
      const halo = 0.22 * Math.exp(-Math.max(0, fromDisc - 1) / 0.5);
      const inCup = 0.4 * smoothStep((cup.radius - Math.hypot(x - cup.x, y - disc.y)) / (0.5 * cup.radius) + 0.5);
      const exudate = lesions.exudate.values[pixel]!;
      const cotton = lesions.cottonWool.values[pixel]!;
      const blood = 1 - (1 - absorption.values[pixel]!) * (1 - lesions.dark.values[pixel]!);
      for (let channel = 0; channel < 3; channel++) {
        let value = tint[channel]! * (1 + halo);
        value *= 1 - pigment * [0.55, 0.8, 0.9][channel]! * Math.exp(-fromMacula);
        value *= 1 - choroid.values[pixel]! * [0.8, 1, 1][channel]!;
        value += (discTint[channel]! + inCup * (1 - discTint[channel]!) - value) * onDisc;
        value += (cottonTint[channel]! - value) * cotton;
        value += (exudateTint[channel]! - value) * exudate;
        value *= lit * (1 - blood * bloodAbsorption[channel]!);
        image[pixel * 3 + channel] = fieldOfView.values[pixel]! * value + 0.012;
      }
    }
  }
  return image;
}

/** Lens, sensor and 8-bit storage: [size, size, 3] from [0, 1] to [-1, 1]. */
function takePicture(scene: Float32Array, size: number, generator: Generator): Float32Array {
  const grain = generator.uniform(0.014, 0.026);
  const sharp = gaussianBlur(scene, size, size, 3, 7, 0.45 + (0.25 * size) / 256 + generator.uniform(0, 0.15));
  const noise = gaussianBlur(generator.normalArray(scene.length), size, size, 3, 5, 0.45);
  for (let i = 0; i < sharp.length; i++) {
    // Photon noise grows with the root of the light.
    const value = sharp[i]! + grain * noise[i]! * (0.35 + 1.3 * Math.sqrt(Math.max(0, sharp[i]!)));
    sharp[i] = Math.round(255 * Math.min(1, Math.max(0, value))) / 127.5 - 1;
  }
  return sharp;
}
