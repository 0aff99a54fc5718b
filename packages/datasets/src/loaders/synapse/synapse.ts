import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { parse } from "../../config/parse.ts";
import { isFolder } from "../../files/is-folder.ts";
import type { SegmentationDataset } from "../../types.ts";
import { openSynapseNifti } from "./nifti.ts";
import { type SynapseOptions, synapseOptionsSchema } from "./options.ts";
import { openSynapsePreprocessed } from "./preprocessed.ts";

/** Where the original CTs and labels may lie under the root. */
const niftiFolders = ["", "Training", "RawData/Training", "Abdomen/RawData/Training"].flatMap((parent) =>
  [["img", "label"], ["averaged-training-images", "averaged-training-labels"]].map(([images, labels]) => ({
    images: join(parent, images!),
    labels: join(parent, labels!),
  })),
);

/**
 * Synapse multi-organ (BTCV): abdominal CTs with 8 organs, split into 18 training and 12 test cases as TransUNet does.
 * The root holds one of
 *
 * - TransUNet's preprocessed files: `train_npz/case0005_slice000.npz` and `test_vol_h5/case0001.npy.h5`, each with `image`
 *   in [0, 1] and `label`. A training slice is a case of its own (`case0005_slice000`, grouped by patient), a test volume
 *   is one (`case0001`). These files do not tell the size of their voxels: the spacing is 1, and the literature gives
 *   HD95 in voxels;
 * - the original CTs: `img/img0001.nii.gz` and `label/label0001.nii.gz`, also in `RawData/Training`. A CT is a case
 *   (`case0001`) of axial slices, in the orientation of every volume here, with the spacing of the file. Preprocessed
 *   slices stay as they are stored: do not mix the two in one experiment.
 *
 * Default preprocessing: the original CTs are clipped to [-125, 275] HU and mapped to [0, 1], as the preprocessed files
 * are already; slices are resized to 256×256.
 *
 * @throws `datasets.layout` for missing folders or files and gaps between slice numbers, `datasets.list` for lists that
 * name no case, `datasets.overlap` for patients in two splits, `datasets.published` with `strict`, `config.invalid` and
 * `datasets.option` for wrong options. `load` rejects with `datasets.id`, `datasets.labels` for label values out of range,
 * `datasets.values` for intensities out of range, `datasets.size` where image and label differ; all name the file.
 */
export async function openSynapse(root: string, options: SynapseOptions = {}): Promise<SegmentationDataset> {
  const settings = parse(synapseOptionsSchema, options, "openSynapse: what is given as options");
  if ((await isFolder(join(root, "train_npz"))) || (await isFolder(join(root, "test_vol_h5")))) return openSynapsePreprocessed(root, settings);
  for (const folders of niftiFolders) {
    if (await isFolder(join(root, folders.images))) {
      return openSynapseNifti(root, join(root, folders.images), join(root, folders.labels), settings);
    }
  }
  throw new HidiffError(
    "datasets.layout",
    `openSynapse: "${root}" holds neither TransUNet's folders "train_npz" and "test_vol_h5" nor a folder "img" of CTs ` +
      `(looked for ${niftiFolders.map(({ images }) => `"${images}"`).join(", ")}). Give the folder that holds them.`,
  );
}
