import { HidiffError } from "@hidiff/core-tensor/errors";
import type { DiffusionProcess } from "./diffusion-process.ts";

/** Counts per section (`[5]`, `[3, 2]`, `"5"`, `"3,2"`), a uniform stride (`"ddimuni5"`) or a quadratic one (`"ddimqua5"`). */
export type StepSpacing = string | readonly number[];

/**
 * Chooses steps of a chain of `total` steps, ascending.
 *
 * - Section counts: the chain is cut into equal sections (the first ones are longer if it does not divide), and each gives
 *   its count of steps, the first and the last included: `start + round(i·(size − 1)/(count − 1))`, halves to even. Of a
 *   section that gives one step it is the last, since a chain that starts from the prior stands at the highest step.
 * - `"ddimuniN"`: N steps with one integer stride, from 0.
 * - `"ddimquaN"`: `trunc(linspace(0, √(0.8·total), N)²)`, denser at the low steps (Song et al. 2021, D.3); steps that
 *   coincide count once.
 *
 * @throws HidiffError `diffusion.spacing` for a spacing that is malformed or not possible
 */
export function spaceSteps(total: number, spacing: StepSpacing): number[] {
  if (typeof spacing !== "string") return sectionSteps(total, spacing);
  const ddim = /^ddim(uni|qua)(\d+)$/.exec(spacing);
  if (ddim !== null) return ddim[1] === "uni" ? uniformSteps(total, Number(ddim[2])) : quadraticSteps(total, Number(ddim[2]));
  if (!/^\d+(,\d+)*$/.test(spacing)) {
    throw spacingError(`"${spacing}" is no spacing; write counts ("5", "3,2"), "ddimuniN" or "ddimquaN".`);
  }
  return sectionSteps(total, spacing.split(",").map(Number));
}

/**
 * The process on some of its steps (Nichol & Dhariwal 2021, section 4): the new betas are `1 − ᾱ[kept]/ᾱ[previously kept]`;
 * `originalSteps` says which step index the network receives.
 *
 * @param keptSteps step indices of `process`, strictly ascending
 * @throws HidiffError `diffusion.spacing` for other step indices
 */
export function respace<P extends DiffusionProcess>(process: P, keptSteps: readonly number[]): P {
  const valid = keptSteps.every(
    (step, index) => Number.isInteger(step) && step < process.steps && step > (index === 0 ? -1 : keptSteps[index - 1]!),
  );
  if (keptSteps.length === 0 || !valid) {
    throw spacingError(`kept steps must ascend within 0 … ${process.steps - 1}, at least one; got [${keptSteps.join(", ")}].`);
  }
  const kept = keptSteps.map((step) => process.alphaBars[step]!);
  const betas = kept.map((alphaBar, index) => 1 - alphaBar / (index === 0 ? 1 : kept[index - 1]!));
  return process.withSteps(betas, keptSteps.map((step) => process.originalSteps[step]!)) as P;
}

function sectionSteps(total: number, counts: readonly number[]): number[] {
  const steps: number[] = [];
  let start = 0;
  counts.forEach((count, section) => {
    const size = Math.floor(total / counts.length) + (section < total % counts.length ? 1 : 0);
    if (!Number.isInteger(count) || count < 1 || count > size) {
      throw spacingError(`section ${section + 1} of ${counts.length} has ${size} steps of ${total}; it cannot give ${count}.`);
    }
    for (let i = 0; i < count; i++) {
      steps.push(start + (count === 1 ? size - 1 : roundHalfToEven((i * (size - 1)) / (count - 1))));
    }
    start += size;
  });
  return steps;
}

function uniformSteps(total: number, count: number): number[] {
  for (let stride = 1; stride <= total; stride++) {
    if (Math.ceil(total / stride) === count) return Array.from({ length: count }, (_, i) => i * stride);
  }
  throw spacingError(`no integer stride takes exactly ${count} of ${total} steps; use the count "${count}" instead.`);
}

function quadraticSteps(total: number, count: number): number[] {
  if (count < 1 || count > total) throw spacingError(`"ddimqua${count}" takes 1 … ${total} steps of ${total}.`);
  const end = Math.sqrt(0.8 * total);
  const at = (i: number): number => (i === count - 1 && i > 0 ? end : (i * end) / Math.max(1, count - 1));
  return [...new Set(Array.from({ length: count }, (_, i) => Math.trunc(at(i) ** 2)))];
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function spacingError(problem: string): HidiffError {
  return new HidiffError("diffusion.spacing", `Respacing: ${problem}`);
}
