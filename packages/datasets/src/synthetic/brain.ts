import type { Generator } from "@hidiff/core-tensor/random";
import { gaussianBlur } from "../augmentation/gaussian-blur.ts";
import { type Brain, type BrainTissue, growBrain } from "./brain-anatomy.ts";
import { checkDrawnSize, type DrawnSlice, type DrawnVolume } from "./drawn-volume.ts";
import { NoiseField } from "./noise-field.ts";

export interface BrainOptions {
  /** The side of a slice in pixels, at least 32; it shows 240 mm. */
  readonly size: number;
  /** The number of slices; together they span 155 mm. */
  readonly depth: number;
}

/** The sequences of a drawn brain, in this order. */
export const brainChannels: readonly ["t1", "t1ce", "t2", "flair"] = ["t1", "t1ce", "t2", "flair"];

const fieldOfView = 240;
const span = 155;

type Signal = readonly [t1: number, t1ce: number, t2: number, flair: number];

/** Relative signal; healthy white matter on T1 is 1. */
const signals: Readonly<Record<"fluid" | "grey" | "white" | "core" | "oedema" | "enhancing", Signal>> = {
  fluid: [0.26, 0.27, 1.05, 0.16],
  grey: [0.7, 0.73, 0.55, 0.68],
  white: [1, 1.01, 0.38, 0.53],
  core: [0.42, 0.5, 0.88, 0.5],
  oedema: [0.68, 0.69, 0.8, 0.92],
  enhancing: [0.66, 1.42, 0.68, 0.8],
};

const contrastAgent: Signal = [0, 0.75, -0.1, 0];

/**
 * Draws a brain with a glioma as four MR sequences (T1, T1 with contrast agent, T2, FLAIR), skull-stripped on a background
 * of 0, in arbitrary whole units that differ between patients and sequences. Labels are those of BraTS's files: 1 necrotic
 * core, 2 oedema, 4 enhancing tumour. Vessels take up contrast agent and white matter has bright spots, both unlabelled.
 *
 * @throws `datasets.option` for a size below 32 or a depth below 1
 */
export function drawBrain({ size, depth }: BrainOptions, generator: Generator): DrawnVolume {
  checkDrawnSize("drawBrain", size, depth);
  const brain = growBrain(generator.split("brain"));
  const scanner = readyScanner(generator.split("scanner"));
  const spacing = fieldOfView / size;
  return {
    depth,
    height: size,
    width: size,
    channels: 4,
    spacing: [span / depth, spacing, spacing],
    slice: (index) => {
      const z = ((index + 0.5) / depth) * span - 85;
      return scanSlice(brain, scanner, size, z, generator.split(`slice ${index}`));
    },
  };
}

interface Scanner {
  /** By sequence. */
  readonly gain: readonly number[];
  readonly contrast: readonly number[];
  readonly noise: number;
  readonly bias: NoiseField;
  readonly biasStrength: number;
  readonly texture: NoiseField;
}

function readyScanner(generator: Generator): Scanner {
  return {
    gain: Array.from({ length: 4 }, () => Math.exp(generator.uniform(Math.log(250), Math.log(1600)))),
    contrast: Array.from({ length: 4 }, () => generator.uniform(0.85, 1.15)),
    noise: generator.uniform(0.025, 0.05),
    bias: new NoiseField(generator.split("bias")),
    biasStrength: generator.uniform(0.2, 0.4),
    texture: new NoiseField(generator.split("texture")),
  };
}

function scanSlice(brain: Brain, scanner: Scanner, size: number, z: number, generator: Generator): DrawnSlice {
  const image = new Float32Array(size * size * 4);
  const labels = new Uint8Array(size * size);
  const inside = new Uint8Array(size * size);
  const pixelSize = fieldOfView / size;
  for (let row = 0, pixel = 0; row < size; row++) {
    for (let column = 0; column < size; column++, pixel++) {
      const x = (column + 0.5 - size / 2) * pixelSize;
      const y = (row + 0.5 - size / 2) * pixelSize;
      const tissue = brain.tissueAt(x, y, z);
      if (tissue === "outside") continue;
      inside[pixel] = 1;
      const lesion = brain.lesionAt(x, y, z, tissue);
      labels[pixel] = lesion;
      addSignal(image, 4 * pixel, brain, scanner, tissue, lesion, x, y, z);
    }
  }
  const sharp = gaussianBlur(image, size, size, 4, 7, Math.max(0.3, 0.6 / pixelSize));
  for (let row = 0, pixel = 0; row < size; row++) {
    for (let column = 0; column < size; column++, pixel++) {
      for (let channel = 0; channel < 4; channel++) {
        const i = 4 * pixel + channel;
        // Noise of a magnitude image: the length of a vector of which both parts are disturbed.
        const real = sharp[i]! + scanner.noise * generator.normal();
        const imaginary = scanner.noise * generator.normal();
        const [u, v, w] = [(2 * column) / size, (2 * row) / size, z / 70 + 3 * channel];
        const bias = 1 + scanner.biasStrength * scanner.bias.at(u, v, w);
        const value = Math.round(scanner.gain[channel]! * bias * Math.hypot(real, imaginary));
        sharp[i] = inside[pixel] === 1 ? Math.max(1, value) : 0;
      }
    }
  }
  return { image: sharp, labels };
}

function addSignal(
  image: Float32Array,
  first: number,
  brain: Brain,
  { contrast, texture }: Scanner,
  tissue: Exclude<BrainTissue, "outside">,
  lesion: 0 | 1 | 2 | 4,
  x: number,
  y: number,
  z: number,
): void {
  const grain = texture.fractal(x / 4, y / 4, z / 4, 2);
  const patch = texture.fractal(x / 10 + 7, y / 10, z / 10, 2);
  const vessel = lesion === 0 ? brain.vesselAt(x, y, z) : 0;
  const spot = lesion === 0 && tissue === "white" ? brain.spotAt(x, y, z) : 0;
  const source = lesion === 0 ? signals[tissue] : lesion === 1 ? signals.core : lesion === 2 ? signals.oedema : signals.enhancing;
  for (let channel = 0; channel < 4; channel++) {
    let value = source[channel]!;
    // Oedema is a mixture of water and what was there; necrosis and rim vary from place to place.
    if (lesion === 2) value += (0.28 + 0.35 * patch) * (signals.white[channel]! - value);
    if (lesion === 1) value += 0.5 * Math.max(0, patch) * (signals.fluid[channel]! - value);
    if (lesion === 4 && channel === 1) value += 0.35 * patch;
    // The cortex is brighter here than there on FLAIR.
    if (lesion === 0 && tissue === "grey" && channel === 3) value += 0.3 * Math.max(0, patch);
    value += vessel * contrastAgent[channel]! + Math.min(1, spot) * (signals.oedema[channel]! - value) * 0.8;
    image[first + channel] = Math.max(0.02, (1 + (value - 1) * contrast[channel]!) * (1 + 0.05 * grain));
  }
}
