import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { namesByLabel, type SegmentationDataset } from "@hidiff/datasets";

/** A class that is scored, by the model's label and name. */
export interface EvaluatedClass {
  readonly label: number;
  readonly name: string;
}

export interface ClassMapping {
  readonly classes: readonly EvaluatedClass[];
  /** The model's label for each of the data set's; 0 for classes that are not scored. */
  readonly truth: ReadonlyMap<number, number>;
  /** As `truth`, but for all classes that correspond, scored or not. */
  readonly corresponding: ReadonlyMap<number, number>;
  /** Each of the model's labels as itself, or 0 for classes that are not scored. */
  readonly prediction: ReadonlyMap<number, number>;
}

export interface ClassMappingOptions {
  /** The model's names of its classes by label, the background first. Default: the data set's. */
  readonly classNames?: readonly string[] | undefined;
  /** For data sets with other classes: the model's class for those of the data set that are scored, by name. */
  readonly classMapping?: Readonly<Record<string, string>> | undefined;
  /** Only these of the model's classes are scored, by name. Default: all that the data set has. */
  readonly classes?: readonly string[] | undefined;
}

/**
 * How the labels of a data set correspond to those of a model. Without a mapping both must have the same foreground
 * classes, in any order.
 *
 * @throws HidiffError `evaluate.classes`
 */
export function mapClasses(modelClasses: number, dataset: SegmentationDataset, options: ClassMappingOptions): ClassMapping {
  const theirs = foreground(namesByLabel(dataset));
  const own = options.classNames === undefined ? sameNames(modelClasses, dataset) : foreground(options.classNames);
  const pairs = options.classMapping === undefined ? pairByName(own, theirs, dataset.name) : pairByMapping(own, theirs, options.classMapping, dataset.name);
  const chosen = new Set((options.classes ?? own.map(({ name }) => name)).map((name) => find(name, own, "the model").label));
  const scored = pairs.filter(([, label]) => chosen.has(label));
  const labels = new Set(scored.map(([, label]) => label));
  const absent = options.classes?.find((name) => !labels.has(find(name, own, "the model").label));
  if (absent !== undefined) throw classError(`no class of ${dataset.name} is mapped to "${absent}"; leave it out or map one.`);
  const labelsOf = (found: readonly Pair[]): Map<number, number> =>
    new Map([[0, 0], ...theirs.map(({ label }): [number, number] => [label, found.find(([their]) => their === label)?.[1] ?? 0])]);
  return {
    classes: own.filter(({ label }) => labels.has(label)),
    truth: labelsOf(scored),
    corresponding: labelsOf(pairs),
    prediction: new Map([[0, 0], ...own.map(({ label }): [number, number] => [label, labels.has(label) ? label : 0])]),
  };
}

function classError(message: string): HidiffError {
  return new HidiffError("evaluate.classes", `evaluateDataset: ${message}`);
}

function foreground(names: readonly string[]): EvaluatedClass[] {
  return names.map((name, label) => ({ label, name })).slice(1);
}

function sameNames(modelClasses: number, dataset: SegmentationDataset): EvaluatedClass[] {
  if (modelClasses === dataset.classes) return foreground(namesByLabel(dataset));
  throw classError(`the model has ${modelClasses} class(es) and ${dataset.name} has ${dataset.classes}; name the model's classes (classNames) and map those of the data set to them (classMapping).`);
}

type Pair = readonly [theirs: number, own: number];

function pairByName(own: readonly EvaluatedClass[], theirs: readonly EvaluatedClass[], dataset: string): Pair[] {
  const pairs = theirs.map(({ label, name }) => [label, own.find((candidate) => same(candidate.name, name))?.label] as const);
  if (own.length === theirs.length && pairs.every(([, label]) => label !== undefined)) return pairs as unknown as Pair[];
  const list = (classes: readonly EvaluatedClass[]): string => classes.map(({ name }) => `"${name}"`).join(", ");
  throw classError(`the model's classes (${list(own)}) are not those of ${dataset} (${list(theirs)}); say which class of the data set is which of the model's (classMapping; on the command line --map THEIRS=OURS).`);
}

function pairByMapping(own: readonly EvaluatedClass[], theirs: readonly EvaluatedClass[], mapping: Readonly<Record<string, string>>, dataset: string): Pair[] {
  const pairs = Object.entries(mapping).map(([from, to]): Pair => [find(from, theirs, dataset).label, find(to, own, "the model").label]);
  if (pairs.length === 0) throw classError(`the mapping of the classes of ${dataset} is empty; name at least one.`);
  return pairs;
}

function find(name: string, classes: readonly EvaluatedClass[], owner: string): EvaluatedClass {
  const found = classes.find((candidate) => same(candidate.name, name));
  if (found !== undefined) return found;
  const known = classes.map((candidate) => candidate.name);
  throw classError(`${owner} has no class "${name}".${didYouMean(name, known)} It has: ${known.join(", ")}.`);
}

function same(first: string, second: string): boolean {
  return first.trim().toLowerCase() === second.trim().toLowerCase();
}
