import { Command, Option } from "commander";
import type { EvaluateOptions } from "../evaluate/run.ts";
import { numberList, wholeNumber } from "../options/numbers.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

export function evaluateCommand(): Command {
  return addOptions(new Command("evaluate"), [...sharedOptions.inference(), ...sharedOptions.engine()])
    .description("Scores a model on a data set: the segmentor's own masks against the refined ones.")
    .requiredOption("--model <bundle>", "a bundle (folder, .zip or URL), or the folder of a finished training")
    .option("--data <folder>", "the folder of the data set (default: that of the training)")
    .option("--dataset <name>", "the data set's name (default: that of the training)")
    .addOption(sharedOptions.set("an option of the data set, such as observer=2; may come several times"))
    .addOption(new Option("--split <name>", "which images").choices(["train", "validation", "test"]).default("test"))
    .addOption(new Option("--seed <n>", "seed of the chains (default: 1)").argParser(wholeNumber).conflicts("seeds"))
    .addOption(new Option("--seeds <list>", "several seeds, such as 1,2,3: also tells how much the seed matters").argParser(numberList))
    .option("--no-surface", "leave out the distances HD95 and ASSD, which take long on large images")
    .option("--pictures", "also write masks and error maps (white right, red too much, blue missed)")
    .option("--out <folder>", "where the files are written", "evaluation")
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print the content of metrics.json"))
    .addHelpText(
      "after",
      `
The folder gets metrics.csv (every image and seed), metrics.json (the same with summaries) and manifest.json.

Examples:
  hidiff evaluate --model runs/drive
  hidiff evaluate --model drive.zip --dataset drive --data data/DRIVE --seeds 1,2,3 --pictures --out results
  hidiff evaluate --model runs/drive --set observer=2`,
    )
    .action(async (options: EvaluateOptions) => {
      const { evaluate } = await import("../evaluate/run.ts");
      await evaluate(options);
    });
}
