import { Argument, Command } from "commander";
import { type Shell, shells } from "../completion/scripts.ts";

export function completionCommand(): Command {
  return new Command("completion")
    .description("Prints a script that makes the Tab key complete commands, options, names and paths in your shell.")
    .addArgument(new Argument("<shell>", "whose script").choices(shells))
    .addHelpText(
      "after",
      `
For good (in a new shell then):
  hidiff completion bash >> ~/.bashrc
  hidiff completion zsh >> ~/.zshrc                              after the line with compinit
  hidiff completion fish > ~/.config/fish/completions/hidiff.fish
  hidiff completion powershell >> $PROFILE

Examples:
  source <(hidiff completion bash)                               for this shell alone`,
    )
    .action(async (shell: Shell) => {
      const { completionScripts } = await import("../completion/scripts.ts");
      process.stdout.write(completionScripts[shell]);
    });
}

/** What the scripts of `completion` ask at every press of the Tab key. */
export function completeCommand(): Command {
  const command: Command = new Command("complete").argument("[words...]").action(async (words: readonly string[]) => {
    const { complete } = await import("../completion/complete.ts");
    const { knownNames } = await import("../completion/names.ts");
    const { formatCompletions } = await import("../completion/print.ts");
    const { shippedModels } = await import("@hidiff/models");
    const models = shippedModels().map(({ name }) => name);
    process.stdout.write(formatCompletions(complete(command.parent!, words, { ...knownNames, "--model": models, model: models })));
  });
  return command;
}
