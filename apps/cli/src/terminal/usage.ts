import { didYouMean } from "@hidiff/core-tensor/errors";
import { type Argument, type Command, InvalidArgumentError, type Option } from "commander";
import { oneLine } from "../errors.ts";
import { firstExample } from "./help.ts";

/** Makes the messages about wrong usage short and helpful: one line, a similar name, an example where something is missing. */
export function explainWrongUsage(command: Command): void {
  command.configureOutput({
    outputError: (text, write) => {
      const line = oneLine(text);
      const example = /required option|missing required argument/.test(line) ? firstExample(command) : undefined;
      write(`${line}${example === undefined ? "" : `; for example: ${example}`}\n`);
    },
  });
  for (const choice of [...command.options, ...command.registeredArguments]) suggestChoices(choice);
}

function suggestChoices(choice: Option | Argument): void {
  const { argChoices, parseArg } = choice;
  if (argChoices === undefined || parseArg === undefined) return;
  choice.argParser<unknown>((value, previous) => {
    try {
      return (parseArg as (value: string, previous: unknown) => unknown)(value, previous);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new InvalidArgumentError(`${didYouMean(value, argChoices).trim()} ${error.message}`.trim());
    }
  });
}
