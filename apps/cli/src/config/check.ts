import { HidiffError } from "@hidiff/core-tensor/errors";
import { type Configuration, configurationSchema } from "hidiff";
import { checkConfiguration } from "hidiff/node";
import type { Assignment } from "../options/assignments.ts";
import type { ConfigurationSource } from "./configuration-file.ts";

/** A change by an option of the command line. */
export interface OptionChange extends Assignment {
  /** How errors call the option, such as "--data". */
  readonly option: string;
}

/** What is wrong, and where: "mine.yaml:12", or the option that said it. */
interface PlacedProblem {
  readonly place: string;
  readonly message: string;
}

/** Everything that is wrong with a configuration, in the order of its lines. */
export async function placedProblems(value: unknown, source: ConfigurationSource, changes: readonly OptionChange[]): Promise<PlacedProblem[]> {
  const placed = (await checkConfiguration(value)).map(({ path, message }) => {
    const change = changes.findLast((candidate) => candidate.path.every((key, index) => key === String(path[index])));
    return { place: change?.option ?? source.place(path), message };
  });
  return placed.sort((a, b) => lineOf(a.place) - lineOf(b.place));
}

function lineOf(place: string): number {
  return Number(/:(\d+)$/.exec(place)?.[1] ?? 0);
}

/** A line for each problem, below a headline if there are several. */
export function describeProblems(problems: readonly PlacedProblem[], name: string): string {
  const lines = problems.map(({ place, message }) => `${place}: ${message}`);
  return lines.length === 1 ? lines[0]! : [`${name} has ${lines.length} problems:`, ...lines].join("\n");
}

/**
 * Checks a configuration and fills in the defaults.
 *
 * @throws HidiffError `config.invalid` with a line for everything that is wrong
 */
export async function checkedConfiguration(value: unknown, source: ConfigurationSource, changes: readonly OptionChange[]): Promise<Configuration> {
  const problems = await placedProblems(value, source, changes);
  if (problems.length > 0) throw new HidiffError("config.invalid", describeProblems(problems, source.name));
  return configurationSchema.parse(value);
}
