import type { ImageStack, LabelStack } from "../../types.ts";
import type { GridChange } from "../grid-change.ts";
import type { PreprocessingStep, Region } from "../schema.ts";

/** The fields of the step called `Name`. */
export type StepOf<Name extends PreprocessingStep["step"]> = Extract<PreprocessingStep, { readonly step: Name }>;

/** What a step is applied to. */
export interface StepInput {
  readonly image: ImageStack;
  /** On the grid of `image`: where any channel of the original image differs from 0. */
  readonly nonzero: LabelStack;
  /** How errors call the step, such as "step 2 (z-score)". */
  readonly name: string;
}

/** What a step makes. */
export interface StepOutput {
  readonly image: ImageStack;
  /** How stacks of the step's grids follow; absent for steps that leave the grid alone. */
  readonly change?: GridChange;
}

/** The voxels that statistics are taken over, or undefined for all of them. */
export function regionOf(region: Region, { nonzero }: StepInput): LabelStack | undefined {
  return region === "nonzero" ? nonzero : undefined;
}

/** The step's image on a changed grid. */
export function onto({ image }: StepInput, change: GridChange): StepOutput {
  return { image: change.image(image), change };
}
