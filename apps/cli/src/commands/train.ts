import { Command } from "commander";
import { wholeNumber } from "../options/numbers.ts";
import type { TrainOptions } from "../train/run.ts";
import { sharedOptions } from "./shared-options.ts";

export function trainCommand(): Command {
  return new Command("train")
    .description("Trains the segmentor, then segmentor and refiner in alternation.")
    .option("--preset <name>", "a built-in configuration: drive-small, demo")
    .option("--config <file>", "a configuration of your own, .yaml or .json")
    .option("--data <folder>", "the folder of the data set (dataset.root)")
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

Examples:
  hidiff train --preset drive-small --data data/DRIVE --out runs/drive
  hidiff train --resume --out runs/drive
  hidiff train --config mine.yaml --set training.batchSize=4 --set training.alternating.iterations=500 --seed 3`,
    )
    .action(async (options: TrainOptions) => {
      const { train } = await import("../train/run.ts");
      await train(options);
    });
}
