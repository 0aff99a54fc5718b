import { Command } from "commander";
import { wholeNumber } from "../options/numbers.ts";
import type { PredictOptions } from "../predict/run.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

export function predictCommand(): Command {
  return addOptions(new Command("predict"), [...sharedOptions.inference(), ...sharedOptions.engine()])
    .description("Segments images: writes NAME_mask.png in each image's own size.")
    .argument("<inputs...>", "files, folders or patterns (PNG, JPEG, TIFF, GIF, WebP)")
    .requiredOption("--model <bundle>", "a bundle (folder, .zip or URL), or the folder of a finished training")
    .option("--out <folder>", "where the masks are written", "predictions")
    .option("--seed <n>", "seed of the chains", wholeNumber, 0)
    .option("--overlay", "also write NAME_overlay.png: the mask drawn on the image")
    .option("--probability", "also write NAME_probability.png: white is 1")
    .option("--uncertainty", "also write NAME_uncertainty.png: variance over the chains; white is 0.25, the largest possible")
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print the run manifest"))
    .addHelpText(
      "after",
      `
A mask is black and white for one class, else its grey values are the class numbers. The folder also gets manifest.json:
versions, seed, backend, options, and of every input the checksum and the time. The same seed gives the same masks.

Examples:
  hidiff predict eye.png --model runs/drive
  hidiff predict scans/ 'more/**/*.tif' --model drive.zip --out masks --overlay --samples 8 --uncertainty`,
    )
    .action(async (inputs: string[], options: PredictOptions) => {
      const { predict } = await import("../predict/run.ts");
      await predict(inputs, options);
    });
}
