import { Command } from "commander";
import { benchCommand } from "./commands/bench.ts";
import { compareCommand } from "./commands/compare.ts";
import { datasetCommand } from "./commands/dataset.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand, probeCommand } from "./commands/doctor.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { exportCommand } from "./commands/export.ts";
import { importCommand } from "./commands/import.ts";
import { predictCommand } from "./commands/predict.ts";
import { trainCommand } from "./commands/train.ts";
import { ownVersion } from "./versions.ts";

/** The command line. What a command does is loaded when it runs, so that help is quick. */
export function createProgram(): Command {
  const program = new Command("hidiff")
    .description("Segments medical images: a segmentor draws a first mask, a binary diffusion model refines it.")
    .version(ownVersion, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addCommand(demoCommand())
    .addCommand(trainCommand())
    .addCommand(evaluateCommand())
    .addCommand(compareCommand())
    .addCommand(predictCommand())
    .addCommand(datasetCommand())
    .addCommand(importCommand())
    .addCommand(exportCommand())
    .addCommand(benchCommand())
    .addCommand(doctorCommand())
    .addCommand(probeCommand(), { hidden: true })
    .addHelpText(
      "after",
      `
Examples:
  hidiff demo                                                 train on drawn images, evaluate, make a page; about 2 minutes
  hidiff train --preset drive-small --data data/DRIVE --out runs/drive
  hidiff evaluate --model runs/drive                          scores on the test images
  hidiff predict 'photos/*.png' --model runs/drive --overlay  masks of your own images
  hidiff dataset check data/DRIVE                             what is wrong with a folder of images and masks
  hidiff import unet.pth --as unet                            other people's weights, as a segmentor
  hidiff doctor                                               what works on this machine

Exit codes: 0 done, 1 failed, 2 wrong usage. DEBUG=hidiff shows where an error happened.`,
    );
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride().configureOutput({ outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, " ")}\n`) });
  }
  return program;
}
