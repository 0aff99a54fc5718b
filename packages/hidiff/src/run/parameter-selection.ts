import { HidiffError } from "@hidiff/core-tensor";
import type { SegmentationDataset } from "@hidiff/datasets";
import type { Configuration } from "../config/schema.ts";

/**
 * Refuses a configuration that depends on looks at validation images where there are none: images that are trained on, or kept
 * for the test, never choose parameters.
 *
 * @throws HidiffError `config.selection`
 */
export function checkSelection({ training }: Configuration, dataset: SegmentationDataset): void {
  const dependent = [
    ...(training.select === "best" ? ['training.select: "best"'] : []),
    ...(training.earlyStopping === undefined ? [] : ["training.earlyStopping"]),
  ];
  const reason = reasonAgainstLooks(training.validationInterval, dataset);
  if (dependent.length === 0 || reason === undefined) return;
  throw new HidiffError("config.selection", `${dependent.join(" and ")} ${dependent.length > 1 ? "need" : "needs"} looks at validation images, but ${reason}; leave ${dependent.length > 1 ? "them" : "it"} out, or change that.`);
}

/** Which parameters the bundle will get, and why. */
export function explainSelection({ training }: Configuration, dataset: SegmentationDataset): string {
  const { select } = training;
  const reason = reasonAgainstLooks(training.validationInterval, dataset);
  const which = select === "last" || reason !== undefined ? "the last ones" : "those of the look at validation images with the best refined Dice";
  return `The bundle's parameters will be ${which}: ${select === undefined ? (reason ?? "the data set has validation images") : `training.select is "${select}"`}.`;
}

function reasonAgainstLooks(validationInterval: number, { name, splits }: SegmentationDataset): string | undefined {
  if (splits.validation.length === 0) return `the data set "${name}" has no validation images`;
  if (validationInterval === 0) return "training.validationInterval is 0";
  return undefined;
}
