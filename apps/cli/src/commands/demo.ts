import { Command } from "commander";
import type { DemoOptions } from "../demo/run.ts";
import { positiveNumber, wholeNumber } from "../options/numbers.ts";
import { sharedOptions } from "./shared-options.ts";

export function demoCommand(): Command {
  return new Command("demo")
    .description("Shows everything at once, without any data: draws images, trains, evaluates, makes a page to look at.")
    .option("--out <folder>", "where everything is written", "hidiff-demo")
    .option("--seed <n>", "seed of training and refinement", wholeNumber, 0)
    .option("--iterations <n>", "iterations of the alternate training (default: the preset's)", positiveNumber)
    .addOption(sharedOptions.set("change one option of the preset; may come several times"))
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print the scores as JSON"))
    .addHelpText(
      "after",
      `
Takes about two minutes on two processor cores. The folder gets index.html (everything on one page), pictures/,
metrics.csv, metrics.json, manifest.json and training/. The next demo replaces them.

Examples:
  hidiff demo
  hidiff demo --out /tmp/demo --seed 3 --iterations 50`,
    )
    .action(async (options: DemoOptions) => {
      const { demo } = await import("../demo/run.ts");
      await demo(options);
    });
}
