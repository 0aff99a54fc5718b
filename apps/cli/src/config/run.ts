import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, isAbsolute, relative, resolve } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import { type Configuration, configurationJsonSchema, configurationSchema, presetNames, presetSummary } from "hidiff";
import { usageError } from "../errors.ts";
import { requireNew } from "../files/folder.ts";
import { formatJson } from "../files/json.ts";
import { type ConfigurationOptions, describedConfiguration } from "../options/configuration.ts";
import { Output } from "../terminal/output.ts";
import { annotatedYaml } from "./annotated-yaml.ts";
import { checkedConfiguration, describeProblems, placedProblems } from "./check.ts";

interface JsonOption {
  readonly json?: boolean;
}

export type ShowOptions = Omit<ConfigurationOptions, "resume"> & JsonOption;
export type InitOptions = ShowOptions & { readonly force?: boolean };
export type CheckOptions = Pick<ConfigurationOptions, "data" | "priors" | "set"> & JsonOption;

/** `hidiff config presets`. */
export function listPresets(options: JsonOption): void {
  const output = new Output(options);
  const presets = presetNames.map((name) => ({ name, ...presetSummary(name) }));
  output.emit({ presets });
  const width = Math.max(...presetNames.map((name) => name.length));
  for (const { name, summary, time } of presets) output.print(`${output.colours.bold(name.padEnd(width))}  ${summary} (${time})`);
  output.print("\nTimes are rough, and with the native backend; `hidiff train --preset NAME --data FOLDER --dry-run` measures on this machine.");
}

/** `hidiff config show`. */
export async function showConfiguration(options: ShowOptions): Promise<void> {
  const output = new Output(options);
  const configuration = await wholeConfiguration(options, output);
  output.emit(configuration);
  output.print(annotatedYaml(configuration, configurationJsonSchema()).trimEnd());
}

/**
 * `hidiff config init`.
 *
 * @throws HidiffError `cli.exists` for a file that is there, and those of the configuration
 */
export async function initConfiguration(file: string, options: InitOptions): Promise<void> {
  const output = new Output(options);
  if (![".yaml", ".yml"].includes(extname(file).toLowerCase())) throw usageError(`config init writes a .yaml file, got "${file}".`);
  if (options.force !== true) await requireNew(file);
  const configuration = await wholeConfiguration(options, output);
  const header = [
    `yaml-language-server: $schema=${schemaPath(file)}`,
    "The line above tells editors which fields there are and what they may be.",
    `Check it: hidiff config check ${file}`,
    `Train:    hidiff train --config ${file}`,
  ];
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, annotatedYaml(configuration, configurationJsonSchema(), header));
  output.emit({ file });
  output.print(`Wrote ${file}. Look through it, then: hidiff train --config ${file}`);
}

/**
 * `hidiff config check`.
 *
 * @throws HidiffError `config.invalid` with a line for everything that is wrong, `config.syntax`, `file.read`
 */
export async function checkFile(file: string, options: CheckOptions): Promise<void> {
  const output = new Output(options);
  const { value, source, changes } = await describedConfiguration({ ...options, config: file }, "", (note) => output.note(note));
  const problems = await placedProblems(value, source, changes);
  output.emit({ file, valid: problems.length === 0, problems });
  if (problems.length > 0) throw new HidiffError("config.invalid", describeProblems(problems, file));
  output.print(`${file} is valid.`);
}

/** `hidiff config schema`. */
export function printSchema(): void {
  process.stdout.write(formatJson(configurationJsonSchema()));
}

/** The configuration with all defaults. What may be said later, such as the data set's folder, may be missing. */
async function wholeConfiguration(options: ShowOptions, output: Output): Promise<Configuration> {
  const described = await describedConfiguration(options, "", (note) => output.note(note));
  const { value, source, changes } = described;
  const parsed = configurationSchema.safeParse(value);
  return parsed.success ? parsed.data : checkedConfiguration(value, source, changes);
}

/** The JSON Schema that is installed with this command: as a relative path where the new file is in the same project. */
function schemaPath(file: string): string {
  const schema = createRequire(import.meta.url).resolve("hidiff/configuration.schema.json");
  const isHere = (path: string): boolean => {
    const near = relative(process.cwd(), path);
    return !near.startsWith("..") && !isAbsolute(near);
  };
  if (!isHere(schema) || !isHere(file)) return schema;
  const path = relative(dirname(resolve(file)), schema);
  return path.startsWith(".") ? path : `./${path}`;
}
