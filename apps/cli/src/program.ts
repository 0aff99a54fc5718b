import { Command } from "commander";
import { benchCommand } from "./commands/bench.ts";
import { compareCommand } from "./commands/compare.ts";
import { completeCommand, completionCommand } from "./commands/completion.ts";
import { configCommand } from "./commands/config.ts";
import { datasetCommand } from "./commands/dataset.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand, probeCommand } from "./commands/doctor.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { exportCommand } from "./commands/export.ts";
import { helpCommand } from "./commands/help.ts";
import { importCommand } from "./commands/import.ts";
import { modelCommand } from "./commands/model.ts";
import { predictCommand } from "./commands/predict.ts";
import { trainCommand } from "./commands/train.ts";
import { formatHelp } from "./terminal/help.ts";
import { terminalSettings } from "./terminal/settings.ts";
import { explainWrongUsage } from "./terminal/usage.ts";
import { ownVersion } from "./versions.ts";

/** The headings of `hidiff --help`. */
const groups: readonly (readonly [string, readonly string[]])[] = [
  ["Train and use models:", ["demo", "train", "predict", "evaluate", "compare"]],
  ["Models and weights:", ["model", "import", "export"]],
  ["Data and configuration:", ["dataset", "config"]],
  ["This machine:", ["doctor", "bench", "completion", "help"]],
];

/** The command line. What a command does is loaded when it runs, so that help is quick. */
export function createProgram(): Command {
  const program = new Command("hidiff");
  program
    .description("Segments medical images: a segmentor draws a first mask, a binary diffusion model refines it.")
    .version(ownVersion, "-V, --version", "print the version")
    .helpCommand(false)
    .option("-q, --quiet", "no progress and no notes; of commands that write files only the errors")
    .option("--no-color", "no colours (as NO_COLOR=1; FORCE_COLOR=1 gives them to files, too)")
    .hook("preAction", (_program, command) => {
      terminalSettings.quiet = program.opts<{ quiet?: boolean }>().quiet === true;
      terminalSettings.answers = !command.options.some(({ long }) => long === "--out");
    })
    .addCommand(demoCommand())
    .addCommand(trainCommand())
    .addCommand(evaluateCommand())
    .addCommand(compareCommand())
    .addCommand(predictCommand())
    .addCommand(datasetCommand())
    .addCommand(configCommand())
    .addCommand(modelCommand())
    .addCommand(importCommand())
    .addCommand(exportCommand())
    .addCommand(benchCommand())
    .addCommand(doctorCommand())
    .addCommand(completionCommand())
    .addCommand(helpCommand())
    .addCommand(completeCommand(), { hidden: true })
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

--json prints results for machines, and nothing else, on standard output: one object, or lines with an "event" each where the
command's help says so. What fails before it has a result prints {"event":"error","code":…,"message":…} there.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. DEBUG=hidiff shows where an error happened.`,
    );
  for (const command of allCommands(program)) {
    command.exitOverride();
    formatHelp(command);
    explainWrongUsage(command);
  }
  for (const command of program.commands) {
    const heading = groups.find(([, names]) => names.includes(command.name()))?.[0];
    if (heading !== undefined) command.helpGroup(heading);
  }
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
