import { Command, Option } from "commander";
import type { CompareOptions } from "../compare/run.ts";
import { collect } from "../options/numbers.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

export function compareCommand(): Command {
  return addOptions(
    new Command("compare")
      .description("Scores several models on one data set, each with and without refinement: table, plot, significance.")
      .addOption(new Option("--model <name=bundle...>", "a model, with a name for the tables if you like; several").argParser(collect).makeOptionMandatory())
      .option("--data <folder>", "the folder of the data set (default: that of the first model's training)")
      .option("--dataset <name>", "the data set's name (default: that of the first model's training)")
      .option("--priors <folder>", "masks or probabilities for the models that refine another program's (default: those of their training)")
      .addOption(sharedOptions.set("an option of the data set, such as observer=2; may come several times")),
    [...sharedOptions.scoring(), ...sharedOptions.inference(), ...sharedOptions.engine()],
  )
    .option("--out <folder>", "where the files are written", "comparison")
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print the content of comparison.json"))
    .addHelpText(
      "after",
      `
Every model counts twice: as its segmentor alone, and refined. Only images that all models could read count. Differences are
tested over the images by the Wilcoxon signed-rank test, with p-values adjusted for all pairs of a metric by Holm's method.

The folder gets comparison.html (a page with all of it), comparison.svg (box plots of Dice), values.csv (every image),
pairs.csv (every pair), comparison.json and manifest.json.

Examples:
  hidiff compare --model runs/unet --model runs/transunet --model runs/swin-unet
  hidiff compare --model small=runs/a --model "large, 4 samples=runs/b" --data data/DRIVE --seeds 1,2,3 --out results`,
    )
    .action(async (options: CompareOptions) => {
      const { compare } = await import("../compare/run.ts");
      await compare(options);
    });
}
