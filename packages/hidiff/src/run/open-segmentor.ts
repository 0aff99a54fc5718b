import { HidiffError } from "@hidiff/core-tensor";
import type { SegmentationDataset } from "@hidiff/datasets";
import { MaskSegmentor } from "@hidiff/segmentors";
import type { Configuration } from "../config/schema.ts";
import { takesPriors } from "../inference/segment.ts";
import type { HybridModel } from "../model/hybrid-model.ts";

/**
 * Gets the segmentor ready, and says what of it is not trained.
 *
 * @throws HidiffError `run.priors`, `run.crop`, and those of the segmentor
 */
export async function openSegmentor(
  model: HybridModel,
  dataset: SegmentationDataset,
  { training, priors }: Configuration,
  note: (text: string) => Promise<void>,
): Promise<void> {
  const { architecture, segmentor } = model;
  const { name } = architecture.segmentor;
  if (priors !== undefined && !takesPriors(model)) {
    throw new HidiffError("run.priors", `The segmentor "${name}" computes its masks itself, so that the masks in ${priors.folder} would be of no use; leave \`priors\` out, or take the segmentor "masks".`);
  }
  if (segmentor instanceof MaskSegmentor && segmentor.needsMaps && priors === undefined && !(await hasPriors(dataset))) {
    throw new HidiffError(
      "run.priors",
      `The segmentor "${name}" takes masks that were computed before, and the data set "${dataset.name}" comes without; give their folder: ` +
        "`priors.folder` in the configuration, `--priors FOLDER` on the command line.",
    );
  }
  await segmentor.open();
  const { sizeMultiple } = segmentor;
  if (training.cropSize % sizeMultiple !== 0) {
    throw new HidiffError("run.crop", `The segmentor "${name}" takes images whose sides are multiples of ${sizeMultiple}; change training.cropSize, which is ${training.cropSize}.`);
  }
  if (segmentor.trainable) return;
  const served = segmentor.parameters().length > 0 ? " and the feature maps that are made for it" : "";
  await note(`The segmentor "${name}" cannot be trained: pre-training is skipped, and the alternation trains the refiner${served}.`);
}

/** Whether cases have priors of their own, as far as the first one shows: one that cannot be read is reported later. */
async function hasPriors(dataset: SegmentationDataset): Promise<boolean> {
  const [first] = dataset.splits.train;
  if (first === undefined) return true;
  return dataset.load(first).then(
    ({ prior }) => prior !== undefined,
    () => true,
  );
}
