import { rescaleTo } from "../rescale.ts";
import { onto, type StepInput, type StepOf, type StepOutput } from "./step.ts";

/**
 * Takes the volume to the distances between voxels that are asked for: every axis of n voxels to
 * round(n · spacing / newSpacing) of them, at least one. Where `depth` changes cubically, the resampled slices are held
 * in memory (see `rescaleTo`).
 */
export function resample(input: StepInput, { spacing, image }: StepOf<"resample">): StepOutput {
  const { image: source } = input;
  const count = (axis: 0 | 1 | 2, size: number): number => {
    const wanted = spacing[axis];
    return wanted === null ? size : Math.max(1, Math.round((size * source.spacing[axis]) / wanted));
  };
  return onto(
    input,
    rescaleTo(source, () => ({ depth: count(0, source.depth), height: count(1, source.height), width: count(2, source.width) }), image),
  );
}
