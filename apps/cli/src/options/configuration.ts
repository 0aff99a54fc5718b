import { basename, extname, join, resolve } from "node:path";
import { type Configuration, type ConfigurationInput, preset, withAblation } from "hidiff";
import { readRunConfiguration, suggestConfiguration } from "hidiff/node";
import { checkedConfiguration, type OptionChange } from "../config/check.ts";
import { type ConfigurationSource, readConfigurationFile } from "../config/configuration-file.ts";
import { describeSuggestion } from "../config/suggestion.ts";
import { usageError } from "../errors.ts";
import { Output } from "../terminal/output.ts";
import { assign, parseAssignment } from "./assignments.ts";

export interface ConfigurationOptions {
  readonly preset?: string;
  readonly config?: string;
  readonly data?: string;
  readonly priors?: string;
  readonly ablation?: string;
  readonly seed?: number;
  readonly set?: readonly string[];
  /** The run's folder, or true where another option names it. */
  readonly resume?: boolean | string;
}

/** A configuration as the command line describes it, not yet checked. */
interface DescribedConfiguration {
  readonly value: unknown;
  readonly source: ConfigurationSource;
  readonly changes: readonly OptionChange[];
}

/**
 * The configuration that a command line describes: a preset, a file, to resume the one the run's folder holds, or else one
 * for the data set in the folder `--data`, recognised by its layout; changed by `--ablation`, `--data`, `--priors`, `--seed`
 * and `--set`.
 *
 * @param folder the run's folder
 * @param onNote is told what was chosen for a folder
 * @throws HidiffError `usage.option`, `config.*` with a line for everything that is wrong, `file.read`, `datasets.layout`
 */
export async function readConfiguration(
  options: ConfigurationOptions,
  folder: string,
  onNote: (note: string) => void = (note) => new Output().note(note),
): Promise<Configuration> {
  let suggested = false;
  const { value, source, changes } = await describedConfiguration(options, folder, (note) => {
    suggested = true;
    onNote(note);
  });
  if (suggested) onNote(`To see or change it: hidiff config init FILE.yaml --data ${options.data}; others: hidiff config presets.`);
  return checkedConfiguration(value, source, changes);
}

/** As {@link readConfiguration}, without checking it. */
export async function describedConfiguration(
  options: ConfigurationOptions,
  folder: string,
  onNote: (note: string) => void,
): Promise<DescribedConfiguration> {
  const { ablation, data, priors, seed, set = [] } = options;
  const changes: OptionChange[] = [
    ...(data === undefined ? [] : [{ option: "--data", path: ["dataset", "root"], value: data }]),
    ...(priors === undefined ? [] : [{ option: "--priors", path: ["priors", "folder"], value: priors }]),
    ...(seed === undefined ? [] : [{ option: "--seed", path: ["training", "seed"], value: seed }]),
    ...set.map(parseAssignment).map((assignment) => ({ ...assignment, option: `--set ${assignment.path.join(".")}` })),
  ];
  const source = await findSource(options, folder, changes, onNote);
  const base = ablation === undefined ? source.value : withAblation((source.value ?? {}) as ConfigurationInput, ablation);
  return { value: assign(base, changes), source, changes };
}

/** The folder of a run that names none. */
export function defaultRunFolder({ preset: presetName, config, data }: ConfigurationOptions): string {
  if (presetName !== undefined) return join("runs", presetName);
  const named = config === undefined ? data && basename(resolve(data)) : basename(config, extname(config));
  return join("runs", named || "run");
}

async function findSource(
  { preset: name, config, data, resume }: ConfigurationOptions,
  folder: string,
  changes: readonly OptionChange[],
  onNote: (note: string) => void,
): Promise<ConfigurationSource> {
  if (name !== undefined && config !== undefined) throw usageError("--preset and --config are two configurations; give one of them.");
  if (name !== undefined) return called(preset(name), `The preset "${name}"`);
  if (config !== undefined) return readConfigurationFile(config);
  if (resume !== undefined && resume !== false) return called(await readRunConfiguration(folder), `The configuration of ${folder}`);
  if (data !== undefined) {
    const { dataset = {} } = assign({}, changes) as { dataset?: Record<string, unknown> };
    const suggestion = await suggestConfiguration(data, dataset);
    for (const note of describeSuggestion(data, suggestion)) onNote(note);
    return called(suggestion.configuration, `The preset "${suggestion.preset}" for ${data}`);
  }
  throw usageError(
    "say what to train: --data FOLDER for images and masks of your own, --preset NAME (`hidiff config presets` lists them) or --config FILE; " +
      "`hidiff train --help` has examples.",
  );
}

function called(value: unknown, name: string): ConfigurationSource {
  return { value, name, place: () => name };
}
