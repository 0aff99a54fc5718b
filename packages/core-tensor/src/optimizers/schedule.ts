/** Polynomial decay: `base·(1 − step/total)^power`, for step in 0 … total. */
export function polynomialDecay(base: number, step: number, total: number, power: number = 0.9): number {
  return base * Math.max(0, 1 - step / total) ** power;
}
