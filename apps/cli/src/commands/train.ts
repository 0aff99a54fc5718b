import { Command } from "commander";
import type { TrainOptions } from "../train/run.ts";
import { configurationOptions } from "./configuration-options.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

const { preset, config, data, priors, ablation, set, seed } = configurationOptions;

export function trainCommand(): Command {
  const command = new Command("train").description("Trains the segmentor, then segmentor and refiner in alternation.");
  return addOptions(command, [data("the folder of images and masks (dataset.root); alone, its layout is recognised and a small preset chosen"), preset(), config(), ablation(), priors()])
    .option("--out <folder>", "where everything is written (default: runs/ and the name of preset, file or data)")
    .option("--resume [folder]", "continue the training in this folder, or in that of --out")
    .option("--dry-run", "only tell what would be done, how long it takes and how much memory; writes nothing")
    .addOption(set())
    .addOption(seed())
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print JSON lines: start, note, skipped, iteration, validation, checkpoint, done; with --dry-run the plan"))
    .addHelpText(
      "after",
      `
A folder of your own has its images in a folder "images" and their masks, named alike, in a folder "masks", or says in
hidiff-dataset.yaml where they are; \`hidiff dataset check\` looks whether all is well with it. The layouts of DRIVE, CHASE_DB1,
Kvasir-SEG, CVC-ClinicDB, Synapse, BraTS 2021 and the Medical Segmentation Decathlon are known, too.

The run's folder gets the configuration, logs, checkpoints and, in the end, bundle/ (the model). Ctrl-C stops after the
running iteration and saves a checkpoint; a resumed training gives the same numbers as one that was never stopped.

With architecture.segmentor.name "masks" the refiner is trained to improve another program's results. --priors names their
folder: a file for every case of the training and validation splits, called by its id (CASE.png, CASE_mask.png,
CASE_prob.tif, CASE.nii.gz, CASE.npz, …). Grey values are probabilities of one class; for several classes masks hold class
numbers, volumes also a channel a class. Of nnU-Net's CASE.nii.gz and CASE.npz the probabilities are taken.

Ablations: v1 is the Bernoulli refiner behind a frozen segmentor; v2 adds alternation, v3 the focal loss, v4 the
cross-transformer, v5 binarization: the whole method. gaussian and discriminative change v5: the kernel, or the refiner to the
same network in one pass without noise.

Examples:
  hidiff train --data my-folder
  hidiff train --preset drive-small --data data/DRIVE --dry-run
  hidiff train --preset drive-small --data data/DRIVE --out runs/drive
  hidiff train --resume runs/drive
  hidiff train --config mine.yaml --set training.batchSize=4 --set training.alternating.iterations=500 --seed 3
  hidiff train --preset drive-small --ablation v4 --data data/DRIVE --out runs/drive-v4
  hidiff train --preset drive-small --data data/DRIVE --set architecture.segmentor='{ name: masks }' --priors nnunet/drive`,
    )
    .action(async (options: TrainOptions & { readonly dryRun?: boolean }) => {
      if (options.dryRun === true) {
        const { dryRun } = await import("../train/dry-run.ts");
        await dryRun(options);
      } else {
        const { train } = await import("../train/run.ts");
        await train(options);
      }
    });
}
