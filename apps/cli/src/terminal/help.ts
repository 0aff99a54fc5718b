import type { Argument, Command } from "commander";
import picocolors from "picocolors";
import { usesColours } from "./settings.ts";

const narrowest = 80;
const widest = 120;

/** Help as wide as the terminal within limits, its titles bold, with the options that all commands have. */
export function formatHelp(command: Command): void {
  const { bold } = picocolors.createColors(usesColours(process.stdout));
  command
    .helpOption("-h, --help", "print this help")
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: ({ parent }) => (parent === null ? [] : topOf(parent).options.filter(({ long }) => long !== "--version")),
      subcommandTerm: (sub) => [sub.name(), ...sub.registeredArguments.map(usageOf)].join(" "),
      styleTitle: (title) => bold(title),
    })
    .configureOutput({
      getOutHelpWidth: () => Math.min(widest, Math.max(narrowest, process.stdout.columns ?? 100)),
      getErrHelpWidth: () => Math.min(widest, Math.max(narrowest, process.stderr.columns ?? 100)),
    });
}

function usageOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function topOf(command: Command): Command {
  return command.parent === null ? command : topOf(command.parent);
}

/** The first command among the examples of a command's help, which begin with two spaces and "hidiff". */
export function firstExample(command: Command): string | undefined {
  const { writeOut } = command.configureOutput();
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  command.configureOutput(writeOut === undefined ? {} : { writeOut });
  return /\nExamples?:\n {2}(hidiff .*?)(?: {2,}.*)?\n/.exec(text)?.[1];
}

/** What `hidiff` alone prints. */
export function firstSteps(program: Command): string {
  const names = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name());
  return `${program.description()}

First steps:
  hidiff demo                                              trains on drawn images and makes a page to look at; about 2 minutes
  hidiff doctor                                            what works on this machine, and how fast
  hidiff dataset check data/DRIVE                          what is wrong with a folder of images and masks
  hidiff train --preset drive-small --data data/DRIVE      trains a model: runs/drive-small
  hidiff predict 'photos/*.png' --model runs/drive-small   masks of your own images

Commands: ${names.join(", ")}
More: hidiff --help, hidiff COMMAND --help
`;
}
