import { Command, Option } from "commander";
import type { CompareOptions } from "../compare/run.ts";
import { classPair, collect, nameList, numberList, wholeNumber } from "../options/numbers.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

export function compareCommand(): Command {
  return addOptions(new Command("compare"), [...sharedOptions.inference(), ...sharedOptions.engine()])
    .description("Scores several models on one data set, each with and without refinement: table, plot, significance.")
    .addOption(new Option("--model <name=bundle...>", "a model, with a name for the tables if you like; several").argParser(collect).makeOptionMandatory())
    .option("--data <folder>", "the folder of the data set (default: that of the first model's training)")
    .option("--dataset <name>", "the data set's name (default: that of the first model's training)")
    .option("--priors <folder>", "masks or probabilities for the models that refine another program's (default: those of their training)")
    .addOption(sharedOptions.set("an option of the data set, such as observer=2; may come several times"))
    .addOption(new Option("--split <name>", "which images").choices(["train", "validation", "test"]).default("test"))
    .addOption(new Option("--protocol <name>", "what is scored: each image or whole volume, or every slice").choices(["case", "slice"]).default("case"))
    .addOption(new Option("--region <name>", "where scores count").choices(["field-of-view", "all"]).default("field-of-view"))
    .addOption(new Option("--classes <list>", "score only these classes, such as liver,spleen").argParser(nameList))
    .addOption(new Option("--map <theirs=ours...>", "which class of the models a class of the data set is, where their names differ").argParser(classPair))
    .option("--skip-bad", "report images that cannot be read, and go on without them")
    .addOption(new Option("--seed <n>", "seed of the chains (default: 1)").argParser(wholeNumber).conflicts("seeds"))
    .addOption(new Option("--seeds <list>", "several seeds, such as 1,2,3: an image's score is the mean over them").argParser(numberList))
    .option("--no-surface", "leave out the distances HD95 and ASSD, which take long on large images")
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
