import { readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/node";
import { type Configuration, type ConfigurationInput, configurationSchema, parse, preset, withAblation } from "hidiff";
import { readRunConfiguration } from "hidiff/node";
import { parse as parseYaml } from "yaml";
import { usageError } from "../errors.ts";
import { assign, type Assignment, parseAssignment } from "./assignments.ts";

export interface ConfigurationOptions {
  readonly preset?: string;
  readonly config?: string;
  readonly data?: string;
  readonly priors?: string;
  readonly ablation?: string;
  readonly seed?: number;
  readonly set?: readonly string[];
  readonly resume?: boolean;
}

/**
 * The configuration that a command line describes: a preset, a file, or, to resume, the one the run's folder holds;
 * changed by `--ablation`, `--data`, `--priors`, `--seed` and `--set`.
 *
 * @throws HidiffError `usage.option`, `config.*`, `file.read`
 */
export async function readConfiguration(options: ConfigurationOptions, folder: string): Promise<Configuration> {
  const { ablation, data, priors, seed, set = [] } = options;
  const changes: Assignment[] = [
    ...(data === undefined ? [] : [{ path: ["dataset", "root"], value: data }]),
    ...(priors === undefined ? [] : [{ path: ["priors", "folder"], value: priors }]),
    ...(seed === undefined ? [] : [{ path: ["training", "seed"], value: seed }]),
    ...set.map(parseAssignment),
  ];
  const { value, name } = await source(options, folder);
  const base = ablation === undefined ? value : withAblation((value ?? {}) as ConfigurationInput, ablation);
  return parse(configurationSchema, assign(base, changes), name);
}

/** The folder of a run that names none. */
export function defaultRunFolder({ preset: presetName, config }: ConfigurationOptions): string {
  const name = presetName ?? (config === undefined ? "run" : basename(config, extname(config)));
  return join("runs", name);
}

async function source({ preset: name, config, resume }: ConfigurationOptions, folder: string): Promise<{ value: unknown; name: string }> {
  if (name !== undefined) return { value: preset(name), name: `The preset "${name}"` };
  if (config !== undefined) return { value: await readConfigurationFile(config), name: config };
  if (resume === true) return { value: await readRunConfiguration(folder), name: `The configuration of ${folder}` };
  throw usageError('say what to train: --preset NAME (such as "drive-small") or --config FILE; `hidiff train --help` has examples.');
}

/**
 * Reads a `.yaml`, `.yml` or `.json` file.
 *
 * @throws HidiffError `file.read`, `config.syntax`
 */
async function readConfigurationFile(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  const extension = extname(path).toLowerCase();
  if (![".yaml", ".yml", ".json"].includes(extension)) {
    throw usageError(`--config takes a .yaml, .yml or .json file, got "${path}".`);
  }
  try {
    return extension === ".json" ? JSON.parse(text) : parseYaml(text);
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0]!.replace(/:$/, "");
    throw new HidiffError("config.syntax", `${path} cannot be read as ${extension === ".json" ? "JSON" : "YAML"}: ${reason}.`, { cause: error });
  }
}
