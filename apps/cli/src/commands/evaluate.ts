import { Command, Option } from "commander";
import type { EvaluateOptions } from "../evaluate/run.ts";
import { positiveNumber, wholeNumber } from "../options/numbers.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

export function evaluateCommand(): Command {
  return addOptions(
    new Command("evaluate")
      .description("Scores a model on a data set: the segmentor's own masks against the refined ones.")
      .requiredOption("--model <bundle>", "a bundle (folder, .zip or URL), or the folder of a finished training")
      .option("--data <folder>", "the folder of the data set (default: that of the training)")
      .option("--dataset <name>", "the data set's name (default: that of the training); another one tests the model across data sets")
      .option("--priors <folder>", "another program's masks or probabilities, a file a case of the split (default: that of the training, on its own data set)")
      .addOption(sharedOptions.set("an option of the data set, such as observer=2; may come several times")),
    [...sharedOptions.scoring(), ...sharedOptions.inference(), ...sharedOptions.engine()],
  )
    .addOption(new Option("--small-objects <n>", "also score the objects of the truth that have fewer pixels than this").argParser(positiveNumber))
    .option("--pictures", "also write masks and error maps (white right, red too much, blue missed); of volumes the slice with the most foreground")
    .addOption(new Option("--report-cases <n>", "how many cases report.html shows with pictures at most: worst, best and most changed ones").argParser(wholeNumber).default(12))
    .option("--no-images", "leave the images themselves out of report.html, which then shows masks and maps only, as for publishing")
    .option("--no-report", "write no report.html, which takes some memory with large volumes")
    .option("--out <folder>", "where the files are written", "evaluation")
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print the content of metrics.json"))
    .addHelpText(
      "after",
      `
The folder gets metrics.csv (every image, class and seed), metrics.json (the same with summaries), report.html (numbers,
plots, pictures of cases and of their refinement, in one file) and manifest.json, with --small-objects also
small-objects.csv. Images are prepared as those of the training were. Distances are in millimetres where the images tell
the size of their pixels, else in pixels. By the protocol "case" volumes are scored in space, organ by organ. A slice or
volume without foreground counts as Dice 1 if the mask has none either. --priors takes files as hidiff train does (hidiff
train --help); their masks are what the refined ones are scored against.

Examples:
  hidiff evaluate --model runs/drive
  hidiff evaluate --model drive.zip --dataset drive --data data/DRIVE --seeds 1,2,3 --pictures --out results
  hidiff evaluate --model runs/drive --set observer=2 --region all --small-objects 50
  hidiff evaluate --model runs/refined-nnunet --priors nnunet/drive-test

Across data sets (trained on one, tested on another with the same classes, or with classes that are mapped):
  hidiff evaluate --model runs/drive --dataset chase-db1 --data data/CHASE_DB1
  hidiff evaluate --model runs/synapse --dataset msd --data data/Task09_Spleen --map spleen=spleen`,
    )
    .action(async (options: EvaluateOptions) => {
      const { evaluate } = await import("../evaluate/run.ts");
      await evaluate(options);
    });
}
