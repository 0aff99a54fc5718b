import { HidiffError } from "@hidiff/core-tensor/errors";
import { cropTo } from "../crop.ts";
import { onto, type StepInput, type StepOf, type StepOutput } from "./step.ts";

/** Takes `pixels` away from every side of each slice. */
export function cropBorder(input: StepInput, { pixels }: StepOf<"crop-border">): StepOutput {
  const { image, name } = input;
  return onto(
    input,
    cropTo(image, () => {
      const height = image.height - 2 * pixels;
      const width = image.width - 2 * pixels;
      if (height > 0 && width > 0) return { front: 0, top: pixels, left: pixels, depth: image.depth, height, width };
      throw new HidiffError(
        "datasets.preprocessing",
        `preprocess: ${name} takes ${pixels} pixels from every side, which leaves nothing of slices of ${image.height} × ${image.width}; crop less.`,
      );
    }),
  );
}
