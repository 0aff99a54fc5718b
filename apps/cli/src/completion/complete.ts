import type { Argument, Command, Option } from "commander";
import { knownNames } from "./names.ts";

/** What a word on the command line can become. */
export interface Completions {
  readonly candidates: readonly Candidate[];
  /** Paths that may stand there, too; the shell lists them. */
  readonly paths?: "files" | "folders";
}

interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** Names that options ("--preset") and arguments ("model") take. */
type Names = Readonly<Record<string, readonly string[]>>;

/**
 * Completes the last of `words`, which may be empty; `words` are those after the command's name. The commands themselves
 * are what is read, so that every option and choice is known.
 *
 * @param names besides choices
 */
export function complete(program: Command, words: readonly string[], names: Names = knownNames): Completions {
  const valuesOf = (taker: Option | Argument): Completions => valuesFor(taker, names);
  const current = words.at(-1) ?? "";
  const { command, open, position } = readWords(program, joinAssignments(words.slice(0, -1), current));
  if (open !== undefined && !(open.variadic && current.startsWith("-"))) return startingWith(current, valuesOf(open));
  const assignment = /^(--[^=]+)=(.*)$/s.exec(current);
  if (assignment !== null) {
    const [, name, begun] = assignment as unknown as [string, string, string];
    const option = optionsOf(program, command).find(({ long }) => long === name);
    const { candidates } = option === undefined ? { candidates: [] } : startingWith(begun, valuesOf(option));
    return { candidates: candidates.map(({ value, description }) => ({ value: `${name}=${value}`, description })) };
  }
  if (current.startsWith("-")) return startingWith(current, { candidates: optionsOf(program, command).map(asCandidate) });
  if (command.commands.length > 0 && position === 0) {
    const commands = command.createHelp().visibleCommands(command);
    return startingWith(current, { candidates: commands.map((sub) => ({ value: sub.name(), description: sub.description() })) });
  }
  const { registeredArguments: arguments_ } = command;
  const argument = arguments_[position] ?? (arguments_.at(-1)?.variadic ? arguments_.at(-1) : undefined);
  return argument === undefined ? { candidates: [] } : startingWith(current, valuesOf(argument));
}

interface Place {
  readonly command: Command;
  /** The option whose value is next. */
  readonly open: Option | undefined;
  /** How many arguments stand before. */
  readonly position: number;
}

function readWords(program: Command, words: readonly string[]): Place {
  let command = program;
  let open: Option | undefined;
  let position = 0;
  for (const word of words) {
    if (open !== undefined && !(open.variadic && word.startsWith("-"))) {
      if (!open.variadic) open = undefined;
    } else if (word.startsWith("-")) {
      const option = optionsOf(program, command).find(({ long, short }) => word === long || word === short);
      open = option?.required ? option : undefined;
    } else {
      const sub = position === 0 ? command.commands.find((candidate) => candidate.name() === word) : undefined;
      if (sub === undefined) position++;
      else command = sub;
    }
  }
  return { command, open, position };
}

/** bash takes "--split=te" for three words. */
function joinAssignments(words: readonly string[], current: string): readonly string[] {
  if (current === "=") return words;
  return words.filter((word, index) => !(word === "=" && words[index - 1]?.startsWith("--")));
}

function optionsOf(program: Command, command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command === program ? own : [...own, ...program.options];
}

function asCandidate({ long, short, description }: Option): Candidate {
  return { value: long ?? short!, description };
}

function valuesFor(taker: Option | Argument, names: Names): Completions {
  const name = "flags" in taker ? taker.long! : taker.name();
  const placeholder = "flags" in taker ? (/[<[]([^\].>]+)/.exec(taker.flags)?.[1] ?? "") : name;
  const values = taker.argChoices ?? names[name] ?? [];
  const paths = taker.argChoices === undefined ? pathsAt[placeholder] : undefined;
  return { candidates: values.map((value) => ({ value, description: "" })), ...(paths === undefined ? {} : { paths }) };
}

/** What options and arguments call a path in their usage. */
const pathsAt: Readonly<Record<string, Completions["paths"]>> = {
  folder: "folders",
  file: "files",
  files: "files",
  path: "files",
  bundle: "files",
  run: "folders",
  runs: "folders",
  model: "files",
  inputs: "files",
  "name=bundle": "files",
};

function startingWith(begun: string, { candidates, ...rest }: Completions): Completions {
  return { candidates: candidates.filter(({ value }) => value.startsWith(begun)), ...rest };
}
