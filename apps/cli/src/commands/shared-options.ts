import { type Command, Option } from "commander";
import { collect, positiveNumber, realNumber } from "../options/numbers.ts";

/** Options that several commands have. */
export const sharedOptions = {
  backend: (): Option => new Option("--backend <name>", "tensor backend: tfjs-node-gpu, tfjs-node, wasm or cpu (default: the fastest that loads)"),
  json: (what: string): Option => new Option("--json", what),
  set: (what: string): Option => new Option("--set <key=value...>", what).argParser(collect),
  /** What computes the refinement. */
  engine: (): Option[] => [
    new Option("--engine <name>", "what computes the refinement (default: packed, where the model allows it)").choices(["packed", "graph"]),
    new Option("--threads <n>", "threads of the packed engine (default: the machine's, at most 16)").argParser(positiveNumber),
  ],
  /** What a model's bundle says of inference, and the command line may change. */
  inference: (): Option[] => [
    new Option("--samples <n>", "refinement chains per image, whose mean is the result (default: the model's)").argParser(positiveNumber),
    new Option("--steps <n>", "refinement steps per chain (default: the model's)").argParser(positiveNumber),
    new Option("--temperature <x>", "below 1, chains seek the most probable mask instead of sampling possible ones (default: the model's)").argParser(realNumber),
    new Option("--overlap <x>", "overlap of neighbouring windows, as a fraction of their side (default: the model's)").argParser(realNumber),
    new Option("--flips", "average over the four mirrorings of the image"),
    new Option("--keep-largest", "keep only the largest connected part of each class"),
  ],
} as const;

/** Adds several options to a command. */
export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}
