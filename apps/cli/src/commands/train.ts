import { Command, Option } from "commander";
import { wholeNumber } from "../options/numbers.ts";
import type { TrainOptions } from "../train/run.ts";
import { sharedOptions } from "./shared-options.ts";

/** In the order of the study; the names that `withAblation` knows, which is loaded only when the command runs. */
const ablations = ["v1", "v2", "v3", "v4", "v5", "gaussian", "discriminative"];

export function trainCommand(): Command {
  return new Command("train")
    .description("Trains the segmentor, then segmentor and refiner in alternation.")
    .option("--preset <name>", "a built-in configuration: drive-small, demo")
    .option("--config <file>", "a configuration of your own, .yaml or .json")
    .addOption(new Option("--ablation <name>", "the method without some of its parts, as in the paper's ablation study").choices(ablations))
    .option("--data <folder>", "the folder of the data set (dataset.root)")
    .option("--priors <folder>", "another program's masks or probabilities of the images, a file a case (priors.folder)")
    .option("--out <folder>", "where everything is written (default: runs/PRESET)")
    .option("--resume", "continue the training in the folder")
    .addOption(sharedOptions.set("change one option of the configuration; may come several times"))
    .option("--seed <n>", "seed of everything random (training.seed)", wholeNumber)
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print JSON lines: start, note, skipped, iteration, validation, checkpoint, done"))
    .addHelpText(
      "after",
      `
The folder gets configuration.json, log.jsonl, checkpoint.safetensors and, in the end, bundle/ (the model) and
manifest.json. Ctrl-C stops after the running iteration and saves a checkpoint; a resumed training gives the same
numbers as one that was never stopped.

With architecture.segmentor.name "masks" the refiner is trained to improve another program's results. --priors names their
folder: a file for every case of the training and validation splits, called by its id (CASE.png, CASE_mask.png,
CASE_prob.tif, CASE.nii.gz, CASE.npz, …). Grey values are probabilities of one class; for several classes masks hold class
numbers, volumes also a channel a class. Of nnU-Net's CASE.nii.gz and CASE.npz the probabilities are taken.

Ablations: v1 is the Bernoulli refiner behind a frozen segmentor; v2 adds alternation, v3 the focal loss, v4 the
cross-transformer, v5 binarization: the whole method. gaussian and discriminative change v5: the kernel, or the refiner to the
same network in one pass without noise.

Examples:
  hidiff train --preset drive-small --data data/DRIVE --out runs/drive
  hidiff train --resume --out runs/drive
  hidiff train --preset drive-small --ablation v4 --data data/DRIVE --out runs/drive-v4
  hidiff train --preset drive-small --data data/DRIVE --set architecture.segmentor='{ name: masks }' --priors nnunet/drive
  hidiff train --config mine.yaml --set training.batchSize=4 --set training.alternating.iterations=500 --seed 3`,
    )
    .action(async (options: TrainOptions) => {
      const { train } = await import("../train/run.ts");
      await train(options);
    });
}
