import { type Tensor, type Tensor4D, tensor } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";

/** @throws HidiffError `diffusion.betas` unless there are betas and each lies in (0, 1] */
export function checkBetas(operation: string, betas: readonly number[]): void {
  const wrong = betas.findIndex((beta) => !(beta > 0 && beta <= 1));
  if (betas.length === 0 || wrong >= 0) {
    const found = betas.length === 0 ? "none" : `betas[${wrong}] = ${betas[wrong]}`;
    throw new HidiffError("diffusion.betas", `${operation}: betas must be numbers in (0, 1], at least one; got ${found}.`);
  }
}

/** @throws HidiffError `diffusion.step` unless `t` has one step index of 0 … steps − 1 per batch item */
export function checkSteps(operation: string, t: readonly number[], batch: number, steps: number): void {
  if (t.length !== batch) {
    throw new HidiffError("diffusion.step", `${operation}: expected one step index per batch item, ${batch}, got ${t.length}.`);
  }
  const wrong = t.find((step) => !Number.isInteger(step) || step < 0 || step >= steps);
  if (wrong !== undefined) {
    throw new HidiffError("diffusion.step", `${operation}: step indices are integers in 0 … ${steps - 1}, got ${wrong}.`);
  }
}

/** @throws HidiffError `diffusion.shape` unless all tensors are `[batch, height, width, classes]` of one shape */
export function checkMasks(operation: string, masks: Readonly<Record<string, Tensor>>): void {
  const [first, ...others] = Object.entries(masks);
  const shape = first![1].shape;
  const text = (name: string, mask: Tensor): string => `${name} [${mask.shape.join(", ")}]`;
  if (shape.length !== 4) {
    throw new HidiffError("diffusion.shape", `${operation}: expected [batch, height, width, classes], got ${text(...first!)}.`);
  }
  for (const [name, mask] of others) {
    if (mask.shape.length !== 4 || mask.shape.some((size, axis) => size !== shape[axis])) {
      throw new HidiffError("diffusion.shape", `${operation}: masks must have one shape, got ${text(...first!)} and ${text(name, mask)}.`);
    }
  }
}

/** The step index `t` for every batch item of a mask. */
export function sameStep(mask: Tensor4D, t: number): number[] {
  return Array.from({ length: mask.shape[0] }, () => t);
}

/** One number per batch item as `[batch, 1, 1, 1]`, which broadcasts over a mask. */
export function perItem(t: readonly number[], value: (step: number) => number): Tensor4D {
  return tensor(t.map(value), [t.length, 1, 1, 1], "float32") as Tensor4D;
}
