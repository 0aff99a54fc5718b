import type { ImageStack } from "@hidiff/datasets";
import { Generator } from "@hidiff/core-tensor/random";
import type { MaskMetrics } from "@hidiff/metrics";
import type { CaseScores, EvaluatedCase, RefinementStep } from "hidiff";
import type { IterationRecord, PictureRecord, RunRecord, ValidationRecord } from "hidiff/node";

function iteration(phase: IterationRecord["phase"], step: number, losses: IterationRecord["losses"]): IterationRecord {
  return { type: "iteration", phase, iteration: step, step, total: 2, losses, learningRate: 0.1 / step, seconds: 1.5, waiting: 0 };
}

function validation(step: number, segmentorDice: number, refinedDice: number): ValidationRecord {
  return {
    type: "validation",
    phase: "alternating",
    iteration: step - 2,
    step,
    segmentorDice,
    refinedDice,
    best: false,
    seconds: 4,
    stepDice: [1, 0].map((t) => ({ t, dice: refinedDice - t / 10 })),
  };
}

/** A picture of a training's crops, in a file of this name. */
export function pictureRecord(step: number, file: string): PictureRecord {
  return { type: "picture", phase: "alternating", iteration: step - 2, step, file, height: 4, width: 16 };
}

/** Two iterations of the segmentor alone and two of both networks, with two looks of which the first is the best. */
export const trainingRecords: readonly RunRecord[] = [
  iteration("pretraining", 1, { segmentation: 1 }),
  iteration("pretraining", 2, { segmentation: 0.5 }),
  iteration("alternating", 3, { refinement: 0.1, segmentor: 0.4 }),
  validation(3, 0.7111, 0.8222),
  iteration("alternating", 4, { refinement: 0.05, segmentor: 0.2 }),
  validation(4, 0.7333, 0.8111),
];

/** Scores of one class with this Dice. */
export function testMetrics(dice: number | undefined): MaskMetrics {
  return { dice, intersectionOverUnion: 0.5, recall: 0.5, precision: 0.5, accuracy: 0.5, specificity: 0.5 };
}

/** Scores of a case of one class. */
export function testScores(id: string, prior: number | undefined, refined: number | undefined): CaseScores {
  const scores = { prior: testMetrics(prior), refined: testMetrics(refined) };
  return { id, ...scores, perClass: [{ label: 1, name: "vessel", ...scores }] };
}

interface CaseSize {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
}

/** A case with drawn masks, a truth that fills its slice 1 most, and a photograph in colours. */
export function testCase(scores: readonly CaseScores[], { depth, height, width, classes }: CaseSize): EvaluatedCase {
  const random = new Generator(scores[0]!.id);
  const size = height * width;
  const stack = (channels: number, high: number): ImageStack => ({
    depth,
    height,
    width,
    channels,
    spacing: [1, 1, 1],
    range: [0, 255],
    outside: new Array<number>(channels).fill(0),
    slice: () => Float32Array.from({ length: size * channels }, (_, index) => (high * (index % 7)) / 6),
  });
  const labels = (): Uint8Array => Uint8Array.from({ length: depth * size }, () => Math.floor(random.uniform() * Math.max(2, classes)));
  const segmentation = { depth, height, width, classes, labels: labels(), priorLabels: labels(), probability: stack(classes, 1), prior: stack(classes, 1), uncertainty: stack(classes, 0.25) };
  const truth = Uint8Array.from({ length: depth * size }, (_, index) => (Math.floor(index / size) === Math.min(1, depth - 1) || index % 5 === 0 ? 1 : 0));
  return { id: scores[0]!.id, image: stack(3, 255), segmentation, truth, region: undefined, scores };
}

/** A step whose latent mask is foreground in the first t + 1 columns, and whose estimate is ¼, but 1 in the first row. */
export function testStep(t: number, { height, width, classes }: CaseSize): RefinementStep {
  const map = (value: (row: number, column: number) => number): Float32Array =>
    Float32Array.from({ length: height * width * classes }, (_, index) => {
      const pixel = Math.floor(index / classes);
      const foreground = value(Math.floor(pixel / width), pixel % width);
      return classes === 1 || index % classes === 1 ? foreground : index % classes === 0 ? 1 - foreground : 0;
    });
  return { t, height, width, yt: map((_, column) => (column <= t ? 1 : 0)), y0Hat: map((row) => (row === 0 ? 1 : 0.25)) };
}
