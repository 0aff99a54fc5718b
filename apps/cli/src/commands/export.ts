import { Command, Option } from "commander";
import type { ExportOptions } from "../weights/export.ts";
import { sharedOptions } from "./shared-options.ts";

export function exportCommand(): Command {
  return new Command("export")
    .description("Writes weights for PyTorch: safetensors with the names and axes of the published networks.")
    .argument("<model>", "a bundle (folder, .zip or URL), the folder of a finished training, or a file that hidiff import wrote")
    .option("--out <path>", "a folder for the networks of a model, a file for those of a file", "exported")
    .addOption(new Option("--part <network>", "which network of a model (default: both)").choices(["segmentor", "refiner"]))
    .option("--force", "replace files that are there")
    .addOption(sharedOptions.json("print what was written as JSON"))
    .addHelpText(
      "after",
      `
Of a model, segmentor.safetensors and refiner.safetensors are written. Networks that nobody published keep HiDiff's own names,
with PyTorch's for running statistics. hidiff import reads all of them back, bit for bit.

In Python:
  from safetensors.torch import load_file
  network.load_state_dict(load_file("exported/segmentor.safetensors"))
For residual-unet and swin-unet add strict=False: what PyTorch keeps twice, and constants, are not in the file.

Examples:
  hidiff export runs/drive --out exported
  hidiff export unet.safetensors --out unet-pytorch.safetensors`,
    )
    .action(async (model: string, options: ExportOptions) => {
      const { exportModel } = await import("../weights/export.ts");
      await exportModel(model, options);
    });
}
