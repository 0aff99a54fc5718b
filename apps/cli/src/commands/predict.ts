import { Command, Option } from "commander";
import { realNumber, wholeNumber } from "../options/numbers.ts";
import { volumeFormats } from "../predict/formats.ts";
import type { PredictOptions } from "../predict/run.ts";
import { parseShard } from "../predict/shard.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

export function predictCommand(): Command {
  return addOptions(new Command("predict"), [...sharedOptions.inference(), ...sharedOptions.engine()])
    .description("Segments images and volumes: writes NAME_mask in each one's own size and place.")
    .argument("<inputs...>", "files, folders or patterns (PNG, JPEG, TIFF, GIF, BMP, PPM, WebP; NIfTI, NRRD, MetaImage; DICOM files and folders of them)")
    .requiredOption("--model <bundle>", "a bundle (folder, .zip or URL), or the folder of a finished training")
    .option("--priors <folder>", "another program's masks or probabilities, for models that refine them: a file an input, called by its name")
    .option("--out <folder>", "where the masks are written", "predictions")
    .option("--seed <n>", "seed of the chains", wholeNumber, 0)
    .option("--overlay", "also write NAME_overlay.png: the mask drawn on the image; of a volume the slice with the most of it")
    .option("--probability", "also write NAME_probability: a picture in which white is 1, or a volume of numbers")
    .option("--uncertainty", "also write NAME_uncertainty: variance over the chains; white is 0.25, the largest possible")
    .addOption(new Option("--format <extension>", "of masks and maps of volumes (default: as the input; for DICOM a Segmentation object NAME_mask.dcm, and maps as nii.gz)").choices(volumeFormats))
    .option("--pixel-size <mm>", "side of a pixel of images in millimetres, for areas (default: as DICOM files tell)", realNumber)
    .option("--shard <i/n>", "do only part i of n, for job arrays: 1/4 to 4/4 do all inputs together, also at the same time", parseShard)
    .option("--overwrite", "do all inputs anew, and replace files of these names that are not of this command")
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print the run manifest"))
    .addHelpText(
      "after",
      `
A mask is black and white for one class, else its grey values are the class numbers. Masks of volumes hold class numbers and
lie where the input lies: of NIfTI files with the same header. Images are prepared as those of the training were, and masks
brought back to the input's own size.

A model of several channels takes files with all of them, or one file a channel: CASE_t1.nii.gz, CASE_t2.nii.gz, … by the
names of the model's channels, or CASE_0000.nii.gz, CASE_0001.nii.gz, … in their order.

--priors takes files as hidiff train does (hidiff train --help): for eye.png such as eye.png, eye_mask.png or eye_prob.tif,
for CASE.nii.gz or CASE_0000.nii.gz such as CASE.nii.gz or CASE.npz, on the grid of the input.

The folder also gets measurements.csv: of every input and class the voxels, the millilitres of volumes and, where the size of
a pixel is known, the mm² of images, with the mean probability and uncertainty if these are asked for. And manifest.json:
versions, seed, backend, options, and of every input the checksum and the time. The same seed gives the same masks, and hidiff
evaluate with that seed (its own default is 1) scores them.

Ctrl-C stops between two slices. After that, or after a crash, the same command goes on: what is done stays, and is done again
only if the input, the model, the seed or an option has changed. Files that are not of this command are not replaced. Parts
(--shard) may have one folder: each writes tables of its own, such as manifest-1-of-4.json.

Examples:
  hidiff predict eye.png --model runs/drive
  hidiff predict scans/ 'more/**/*.tif' --model drive.zip --out masks --overlay --samples 8 --uncertainty
  hidiff predict ct.nii.gz dicom/series-4/ --model runs/synapse --overlay
  hidiff predict scans/ --model runs/synapse --out masks --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
  hidiff predict imagesTs/ --model runs/refined-nnunet --priors nnunet/predictions
  hidiff predict brats/BraTS2021_00001/ --model runs/brats --probability --format nrrd`,
    )
    .action(async (inputs: string[], options: PredictOptions) => {
      const { predict } = await import("../predict/run.ts");
      await predict(inputs, options);
    });
}
