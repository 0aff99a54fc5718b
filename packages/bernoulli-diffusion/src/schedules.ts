import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";

/** The named noise schedules. */
export const scheduleNames = ["cosine", "cosine-squared", "linear", "linear-alpha-bar"] as const;
export type ScheduleName = (typeof scheduleNames)[number];

/** The offset s of the cosine schedules (Nichol & Dhariwal 2021, section 3.2). */
const cosineOffset = 0.008;
/** No step of a cosine schedule replaces more than this share of the signal. */
const largestCosineBeta = 0.999;

const schedules: Readonly<Record<ScheduleName, (steps: number) => number[]>> = {
  cosine: (steps) => betasOf(cosine, steps),
  "cosine-squared": (steps) => betasOf((u) => cosine(u) ** 2, steps),
  linear: linearBetas,
  "linear-alpha-bar": (steps) => Array.from({ length: steps }, (_, t) => 1 / (steps - t)),
};

/**
 * The betas of a named schedule, in float64: `betas[t]` is the share of the signal that step t replaces by the prior.
 *
 * - `"cosine"` (the default of HiDiff, with 10 steps): ᾱ(u) = cos((u + s)/(1 + s)·π/2), s = 0.008;
 * - `"cosine-squared"`: the square of that (Nichol & Dhariwal 2021, eq. 17);
 * - `"linear"`: from 1e-4·1000/T to 0.02·1000/T (Ho et al. 2020), for T ≥ 20 steps only;
 * - `"linear-alpha-bar"`: betas[t] = 1/(T − t), so that ᾱ falls linearly to 0.
 *
 * @returns `steps` numbers in (0, 1]
 * @throws HidiffError `diffusion.schedule` for an unknown name, `diffusion.steps` for a number of steps that is not possible
 */
export function createSchedule(name: ScheduleName, steps: number): number[] {
  if (!Object.hasOwn(schedules, name)) {
    throw new HidiffError(
      "diffusion.schedule",
      `createSchedule: "${name}" is not a schedule.${didYouMean(name, scheduleNames)} Choose one of ${scheduleNames.join(", ")}.`,
    );
  }
  if (!Number.isInteger(steps) || steps < 1) {
    throw new HidiffError("diffusion.steps", `createSchedule: the number of steps must be a positive integer, got ${steps}.`);
  }
  return schedules[name](steps);
}

/** ᾱ[t] = Π_{τ ≤ t} (1 − β[τ]), in float64. */
export function cumulativeAlphas(betas: readonly number[]): number[] {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}

function cosine(u: number): number {
  return Math.cos((((u + cosineOffset) / (1 + cosineOffset)) * Math.PI) / 2);
}

/** The betas whose ᾱ follows a function of the relative time u ∈ [0, 1]. */
function betasOf(alphaBar: (u: number) => number, steps: number): number[] {
  return Array.from({ length: steps }, (_, t) =>
    Math.min(1 - alphaBar((t + 1) / steps) / alphaBar(t / steps), largestCosineBeta),
  );
}

function linearBetas(steps: number): number[] {
  const scale = 1000 / steps;
  if (0.02 * scale > 1) {
    throw new HidiffError(
      "diffusion.steps",
      `createSchedule: the linear schedule needs at least 20 steps, got ${steps}: its last beta would be ${0.02 * scale}, ` +
        `and no beta may exceed 1. Use "cosine" for short chains.`,
    );
  }
  const first = 1e-4 * scale;
  const last = 0.02 * scale;
  return Array.from({ length: steps }, (_, t) => first + (t * (last - first)) / (steps - 1));
}
