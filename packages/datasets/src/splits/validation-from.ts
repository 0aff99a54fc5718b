import { HidiffError } from "@hidiff/core-tensor/errors";

/** How many training images (the last ones) serve as validation instead, or their ids. */
export type ValidationChoice = number | readonly string[];

/**
 * Takes validation images from the published training images.
 *
 * @param operation who asks, for the error's message
 * @throws `datasets.option` for a count that leaves no training image, or an id that is none
 */
export function validationFrom(
  operation: string,
  training: readonly string[],
  choice: ValidationChoice,
): { readonly train: readonly string[]; readonly validation: readonly string[] } {
  if (typeof choice === "number") {
    if (!Number.isInteger(choice) || choice < 0 || choice >= training.length) {
      throw new HidiffError(
        "datasets.option",
        `${operation}: validation must be an integer from 0 to ${training.length - 1}, so that training images are left, ` +
          `or a list of ids; got ${choice}.`,
      );
    }
    const left = training.length - choice;
    return { train: training.slice(0, left), validation: training.slice(left) };
  }
  if (!Array.isArray(choice)) {
    throw new HidiffError(
      "datasets.option",
      `${operation}: validation must be a number of training images or a list of their ids, got ${JSON.stringify(choice)}.`,
    );
  }
  const known = new Set(training);
  const chosen = new Set<string>();
  for (const id of choice as readonly string[]) {
    if (!known.has(id)) {
      throw new HidiffError(
        "datasets.option",
        `${operation}: the validation id "${id}" is no training image; expected some of ${training.join(", ")}.`,
      );
    }
    chosen.add(id);
  }
  if (chosen.size === training.length) {
    throw new HidiffError("datasets.option", `${operation}: validation names all ${training.length} training images, so that none is left.`);
  }
  return { train: training.filter((id) => !chosen.has(id)), validation: [...chosen] };
}
