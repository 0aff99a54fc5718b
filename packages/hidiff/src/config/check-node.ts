import { stat } from "node:fs/promises";
import { didYouMean } from "@hidiff/core-tensor/errors";
import { datasetRegistry } from "@hidiff/datasets/node";
import { segmentorNames } from "@hidiff/segmentors";
import { registerModelSegmentors } from "../external/register.ts";
import { datasetOptionSchemas } from "./dataset-options.ts";
import type { Path } from "./json-schema-lookup.ts";
import { valueAt } from "./json-schema-lookup.ts";
import { type ConfigurationProblem, configurationProblems, formatPath } from "./problems.ts";

/**
 * Everything that is wrong with a configuration that can be told without reading data: what {@link configurationProblems}
 * finds, names of data sets and segmentors that are not known, and files and folders that are not there. The rest comes to
 * light when the data set is opened.
 */
export async function checkConfiguration(value: unknown): Promise<ConfigurationProblem[]> {
  registerModelSegmentors();
  const problems = [
    ...configurationProblems(value),
    ...unknownName(value, ["dataset", "name"], "data set", datasetRegistry.names),
    ...unknownName(value, ["architecture", "segmentor", "name"], "segmentor", segmentorNames()),
  ];
  const told = new Set(problems.map(({ path }) => formatPath(path)));
  const missing = await Promise.all(namedFiles(value).map(missingFile));
  return [...problems, ...missing.filter((problem) => problem !== undefined && !told.has(formatPath(problem.path)))] as ConfigurationProblem[];
}

function unknownName(value: unknown, path: Path, what: string, known: readonly string[]): ConfigurationProblem[] {
  const name = valueAt(value, path);
  if (typeof name !== "string" || known.includes(name)) return [];
  return [{ path, message: `${formatPath(path)}: there is no ${what} "${name}".${didYouMean(name, known)} Known: ${known.join(", ")}.` }];
}

/** A file or folder that a configuration names, or must name. */
interface NamedFile {
  readonly path: Path;
  readonly file: unknown;
  readonly kind: "file" | "folder";
  /** What it holds, and what to do if it is not there. */
  readonly what: string;
  readonly required?: boolean;
}

function namedFiles(value: unknown): NamedFile[] {
  const named = (path: Path, kind: NamedFile["kind"], what: string, required = false): NamedFile => ({ path, file: valueAt(value, path), kind, what, required });
  const dataset = valueAt(value, ["dataset", "name"]);
  const needsRoot = typeof dataset === "string" && datasetOptionSchemas[dataset]?.shape["root"] !== undefined;
  return [
    named(["dataset", "root"], "folder", "the folder of the data set; write it there, or give --data FOLDER on the command line", needsRoot),
    named(["priors", "folder"], "folder", "the folder of another program's masks or probabilities"),
    named(["training", "initialWeights", "segmentor"], "file", "the segmentor's weights, as `hidiff import` writes them"),
    named(["training", "initialWeights", "refiner"], "file", "the refiner's weights, as `hidiff import` writes them"),
    named(["architecture", "segmentor", "options", "model"], "file", "the model of the segmentor"),
  ];
}

async function missingFile({ path, file, kind, what, required }: NamedFile): Promise<ConfigurationProblem | undefined> {
  const field = formatPath(path);
  if (file === undefined || file === null || file === "") return required === true ? { path, message: `${field} is missing: ${what}.` } : undefined;
  // Another type is told by the schema.
  if (typeof file !== "string") return undefined;
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return { path, message: `${field}: there is no ${kind} "${file}" (${what}). Paths are from where the command runs.` };
  const isKind = kind === "folder" ? found.isDirectory() : found.isFile();
  return isKind ? undefined : { path, message: `${field}: "${file}" is ${kind === "folder" ? "no folder" : "no file"} (${what}).` };
}
