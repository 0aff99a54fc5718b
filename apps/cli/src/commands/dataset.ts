import { Argument, Command, Option } from "commander";
import type { CheckOptions } from "../dataset/check.ts";
import type { PreviewOptions } from "../dataset/preview.ts";
import type { StatsOptions } from "../dataset/stats.ts";
import type { SynthesizeOptions } from "../dataset/synthesize.ts";
import { positiveNumber, wholeNumber } from "../options/numbers.ts";
import { sharedOptions } from "./shared-options.ts";

/** The names that `writeSynthetic` knows, which is loaded only when the command runs. */
const syntheticKinds = ["drive", "chase-db1", "kvasir-seg", "cvc-clinicdb", "synapse", "synapse-raw", "brats2021", "msd", "folder"];

export function datasetCommand(): Command {
  return new Command("dataset")
    .description("Looks at data sets: checks, statistics, previews; draws synthetic ones.")
    .addCommand(checkCommand())
    .addCommand(statsCommand())
    .addCommand(previewCommand())
    .addCommand(synthesizeCommand());
}

const datasetOption = (): Option => new Option("--dataset <name>", "the data set's name (default: found by the folder's layout)");
const setOption = (): Option => sharedOptions.set("an option of the data set, such as validation=4; may come several times");

function checkCommand(): Command {
  return new Command("check")
    .description("Reads every file of a data set and says what is wrong: one page with a contact sheet.")
    .argument("<folder>", "the folder of the data set")
    .addOption(datasetOption())
    .addOption(setOption())
    .option("--out <file>", "the page", "dataset-check.html")
    .option("--pictures <n>", "how many cases the contact sheet shows", wholeNumber, 48)
    .addOption(sharedOptions.json("print everything as JSON"))
    .addHelpText(
      "after",
      `
Finds: files that cannot be read, masks that do not fit their images, images without masks, empty masks, classes that are
nowhere, the same image twice (by its pixels, not its name), and cases, patients or sequences that are in several splits.
The exit code is 1 if there are errors.

Examples:
  hidiff dataset check data/Kvasir-SEG
  hidiff dataset check scans --dataset msd --out report/scans.html
  hidiff dataset check my-images --json > findings.json`,
    )
    .action(async (folder: string, options: CheckOptions) => {
      const { checkDataset } = await import("../dataset/check.ts");
      await checkDataset(folder, options);
    });
}

function statsCommand(): Command {
  return new Command("stats")
    .description("Sizes, intensities, classes and objects of a data set: what preprocessing and windows are chosen by.")
    .argument("<folder>", "the folder of the data set")
    .addOption(datasetOption())
    .addOption(setOption())
    .option("--csv <file>", "also write a table of every case")
    .addOption(sharedOptions.json("print everything as JSON"))
    .addHelpText(
      "after",
      `
Objects are the connected parts of each class; their sizes are in pixels or voxels.

Examples:
  hidiff dataset stats data/CHASE_DB1
  hidiff dataset stats scans --csv cases.csv`,
    )
    .action(async (folder: string, options: StatsOptions) => {
      const { datasetStatistics } = await import("../dataset/stats.ts");
      await datasetStatistics(folder, options);
    });
}

function previewCommand(): Command {
  return new Command("preview")
    .description("A picture of some cases with their masks outlined, as they are or as training sees them.")
    .argument("<folder>", "the folder of the data set")
    .addOption(datasetOption())
    .addOption(setOption())
    .option("--out <file>", "the picture (PNG)", "dataset-preview.png")
    .addOption(new Option("--split <name>", "which cases").choices(["train", "validation", "test"]).default("train"))
    .option("--cases <ids>", "these cases, with commas between them (default: evenly chosen ones)")
    .option("--count <n>", "how many", positiveNumber, 12)
    .option("--columns <n>", "how many in a row", positiveNumber, 4)
    .option("--prepared", "after preprocessing: as a network takes them")
    .option("--augmented", "crops with augmentation: what training sees")
    .option("--crop-size <n>", "the side of those crops", positiveNumber, 256)
    .option("--seed <n>", "seed of the augmentation", wholeNumber, 0)
    .addHelpText(
      "after",
      `
Examples:
  hidiff dataset preview data/DRIVE
  hidiff dataset preview scans --split test --cases hippocampus_001,hippocampus_003
  hidiff dataset preview data/Kvasir-SEG --augmented --seed 3 --out augmented.png`,
    )
    .action(async (folder: string, options: PreviewOptions) => {
      const { previewDataset } = await import("../dataset/preview.ts");
      await previewDataset(folder, options);
    });
}

function synthesizeCommand(): Command {
  return new Command("synthesize")
    .description("Draws a data set in the files and folders of a published one, to try things out without its data.")
    .addArgument(new Argument("<name>", "which one").choices(syntheticKinds))
    .argument("<folder>", "where it is written; new or empty")
    .option("--seed <n>", "seed of the drawing", wholeNumber, 0)
    .option("--size <n>", "width of the images in pixels (default: small)", positiveNumber)
    .option("--depth <n>", "slices of a CT or MR volume", positiveNumber)
    .option("--train <n>", "how many cases to train on", wholeNumber)
    .option("--validation <n>", "how many cases to validate on", wholeNumber)
    .option("--test <n>", "how many cases to test on", wholeNumber)
    .addHelpText(
      "after",
      `
Everything is drawn by a program and has no clinical meaning; the same seed draws the same files.

Examples:
  hidiff dataset synthesize kvasir-seg drawn/polyps
  hidiff dataset synthesize brats2021 drawn/brains --seed 3`,
    )
    .action(async (name: string, folder: string, options: SynthesizeOptions) => {
      const { synthesize } = await import("../dataset/synthesize.ts");
      await synthesize(name, folder, options);
    });
}
