import { Command } from "commander";
import { didYouMean } from "@hidiff/core-tensor/errors";

/** `hidiff help dataset check` is `hidiff dataset check --help`. */
export function helpCommand(): Command {
  const help: Command = new Command("help")
    .description("Prints the help of a command.")
    .argument("[command...]", "its name, such as train or dataset check")
    .addHelpText("after", "\nExamples:\n  hidiff help train\n  hidiff help dataset check")
    .action((names: readonly string[]) => {
      let command = help.parent!;
      for (const name of names) {
        const found = command.commands.find((candidate) => candidate.name() === name || candidate.aliases().includes(name));
        if (found === undefined) {
          const known = command.createHelp().visibleCommands(command).map((candidate) => candidate.name());
          help.error(`error: unknown command '${[...names].join(" ")}'.${didYouMean(name, known)}`, { exitCode: 1, code: "commander.unknownCommand" });
        }
        command = found;
      }
      command.outputHelp();
    });
  return help;
}
