import { rescaleTo } from "../rescale.ts";
import { onto, type StepInput, type StepOf, type StepOutput } from "./step.ts";

/** Takes every slice to [height, width], as SciPy's `zoom` does with the slice alone. */
export function resize(input: StepInput, { height, width, image }: StepOf<"resize">): StepOutput {
  return onto(
    input,
    rescaleTo(input.image, () => ({ depth: input.image.depth, height, width }), image),
  );
}
