import { type Command, Option } from "commander";
import { classPair, collect, nameList, numberList, positiveNumber, realNumber, wholeNumber } from "../options/numbers.ts";

/** The names that `selectBackend` knows, which is loaded only when a command runs. */
export const backends: readonly string[] = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"];

/** Options that several commands have. */
export const sharedOptions = {
  backend: (): Option => new Option("--backend <name>", "tensor backend (default: the fastest that loads)").choices(backends),
  json: (what: string): Option => new Option("--json", what),
  set: (what: string): Option => new Option("--set <key=value...>", what).argParser(collect),
  /** Which images are scored, and how. */
  scoring: (): Option[] => grouped("Scoring:", [
    new Option("--split <name>", "which images").choices(["train", "validation", "test"]).default("test"),
    new Option("--protocol <name>", "what is scored: each image or whole volume, or every slice").choices(["case", "slice"]).default("case"),
    new Option("--region <name>", "where scores count").choices(["field-of-view", "all"]).default("field-of-view"),
    new Option("--classes <list>", "score only these classes, such as liver,spleen").argParser(nameList),
    new Option("--map <theirs=ours...>", "which class of the model a class of the data set is, where their names differ").argParser(classPair),
    new Option("--skip-bad", "report images that cannot be read, and go on without them"),
    new Option("--seed <n>", "seed of the chains (default: 1)").argParser(wholeNumber).conflicts("seeds"),
    new Option("--seeds <list>", "several seeds, such as 1,2,3: an image's score is the mean over them, and how much the seed matters is told").argParser(numberList),
    new Option("--no-surface", "leave out the distances HD95 and ASSD, which take long on large images"),
  ]),
  /** What computes the refinement. */
  engine: (): Option[] => grouped("Refinement:", [
    new Option("--engine <name>", "what computes the refinement (default: packed, where the model allows it)").choices(["packed", "graph"]),
    new Option("--threads <n>", "threads of the packed engine (default: the machine's, at most 16)").argParser(positiveNumber),
  ]),
  /** What a model's bundle says of inference, and the command line may change. */
  inference: (): Option[] => grouped("Refinement:", [
    new Option("--samples <n>", "refinement chains per image, whose mean is the result (default: the model's)").argParser(positiveNumber),
    new Option("--steps <n>", "refinement steps per chain (default: the model's)").argParser(positiveNumber),
    new Option("--temperature <x>", "below 1, chains seek the most probable mask instead of sampling possible ones (default: the model's)").argParser(realNumber),
    new Option("--overlap <x>", "overlap of neighbouring windows, as a fraction of their side (default: the model's)").argParser(realNumber),
    new Option("--tta", "test-time augmentation: average over the four mirrorings of the image, four times the work"),
    new Option("--keep-largest", "keep only the largest connected part of each class"),
  ]),
} as const;

function grouped(heading: string, options: Option[]): Option[] {
  return options.map((option) => option.helpGroup(heading));
}

/** Adds several options to a command. */
export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}
