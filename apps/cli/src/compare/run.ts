import { basename, join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import type { DatasetSpec } from "@hidiff/datasets";
import { type HiDiffOptions, takesPriors } from "hidiff";
import { useBackend } from "../backend.ts";
import { type DatasetOptions, datasetSpec, openEvaluatedDataset, requireSameSlicing } from "../evaluate/dataset.ts";
import { evaluateModel, type ScoringOptions } from "../evaluate/evaluate-model.ts";
import { skippedCases } from "../evaluate/summary.ts";
import { makeFolder } from "../files/folder.ts";
import { formatJson } from "../files/json.ts";
import { writeManifest } from "../files/manifest.ts";
import { type InferenceFlags, inferenceOptions } from "../options/inference.ts";
import { describeEngine, openModel } from "../options/model.ts";
import { uniqueNames } from "../predict/cases.ts";
import { formatDuration } from "../terminal/duration.ts";
import { withInterruption } from "../terminal/interruption.ts";
import { Output } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { methodBoxPlot } from "./box-plot.ts";
import { comparisonPage } from "./page.ts";
import { printComparison } from "./print.ts";
import { compareModels, type ComparedModel } from "./statistics.ts";
import { pairsCsv, valuesCsv } from "./tables.ts";

export interface CompareOptions extends DatasetOptions, InferenceFlags, HiDiffOptions, Omit<ScoringOptions, "smallObjects"> {
  /** Paths of bundles, or "name=path". */
  readonly model: readonly string[];
  readonly out: string;
  readonly seed?: number;
  readonly seeds?: readonly number[];
  readonly backend?: string;
  readonly json?: boolean;
}

const comparisonFiles = {
  page: "comparison.html",
  plot: "comparison.svg",
  values: "values.csv",
  pairs: "pairs.csv",
  summary: "comparison.json",
} as const;

/** `hidiff compare`: scores models on one split of one data set, each with and without refinement. */
export async function compare(options: CompareOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const { out, split, protocol, region } = options;
  const seeds = options.seeds ?? [options.seed ?? 1];
  const backend = await useBackend(options.backend, output);
  await makeFolder(out);

  const named = namedModels(options.model);
  const compared: (ComparedModel & { readonly details: object })[] = [];
  let spec: DatasetSpec | undefined;
  let name = "";
  let progress: Progress | undefined;
  try {
    await withInterruption(() => progress?.note("Stopping, without scores; Ctrl-C once more stops at once."), async (check) => {
      for (const [index, { name: label, path }] of named.entries()) {
        const found = await openModel(path, options);
        try {
          spec ??= await datasetSpec(found, options);
          const { priors, ...others } = options;
          const given = priors === undefined || !takesPriors(found.model.model) ? others : options; // the other models need none
          const { dataset, notes } = await openEvaluatedDataset(found, spec, given);
          for (const note of notes) output.note(note);
          requireSameSlicing(found.model.manifest, dataset);
          name = dataset.name;
          const images = dataset.splits[split].length;
          if (images === 0) throw new HidiffError("evaluate.empty", `The split "${split}" of ${name} has no images; choose another with --split.`);
          progress ??= new Progress({ total: images * seeds.length * named.length, unit: "cases" });
          const inference = inferenceOptions(found.model, options);
          const reports = await evaluateModel(found.model, dataset, {
            ...options,
            inference,
            seeds,
            progress,
            done: index * images * seeds.length,
            label: (seed) => (seeds.length === 1 ? label : `${label}, seed ${seed}`),
            check,
          });
          const { manifest } = found.model;
          const segmentor = manifest.architecture.segmentor.name;
          compared.push({ name: label, reports, details: { name: label, path: found.path, segmentor, checksums: manifest.checksums, inference, engine: await describeEngine(found.model) } });
        } finally {
          found.model.dispose();
        }
      }
    });
  } finally {
    progress?.stop();
  }
  requireSameClasses(compared);

  const comparison = compareModels(compared);
  if (comparison.cases.length === 0) throw new HidiffError("compare.empty", "There is no image that all models could read; the reasons are above.");
  const skipped = skippedCases(compared.flatMap(({ reports }) => reports));
  const models = compared.map(({ details }) => details);
  const document = { dataset: name, split, protocol, region, seeds, models, skipped, ...comparison };
  const dice = comparison.metrics.find(({ metric }) => metric.name === "dice")!;
  await writeFileAtomic(join(out, comparisonFiles.summary), formatJson(document));
  await writeFileAtomic(join(out, comparisonFiles.values), valuesCsv(comparison));
  await writeFileAtomic(join(out, comparisonFiles.pairs), pairsCsv(comparison));
  await writeFileAtomic(join(out, comparisonFiles.plot), methodBoxPlot(comparison, dice, 900, true));
  const units = protocol === "slice" ? "slices" : "cases";
  const facts = [...named.map(({ name, path }) => [name, path] as const), ["Seeds", seeds.join(", ")], ["Backend", backend.name]] as const;
  await writeFileAtomic(join(out, comparisonFiles.page), comparisonPage({ comparison, dataset: name, split, units, facts }));
  const manifest = await writeManifest(out, { command: "compare", backend, startedAt, details: { models, dataset: name, split, protocol, region, seeds, skipped } });
  output.emit(document);
  printComparison(output, comparison, `${name}, ${split} split: ${comparison.cases.length} ${units}`);
  for (const { id, reason } of skipped) output.print(`Left out ${id}: ${reason}`);
  output.print(`\nWritten to ${out} in ${formatDuration(manifest.seconds)}: ${Object.values(comparisonFiles).join(", ")}`);
}

/** The models' names and paths: "name=path", else named after the run or the bundle. */
function namedModels(given: readonly string[]): { readonly name: string; readonly path: string }[] {
  const parts = given.map((text) => {
    const match = /^([^=/\\]+)=(.+)$/.exec(text);
    const path = match?.[2] ?? text;
    return { path, name: match?.[1]?.trim() ?? (basename(path.replace(/[/\\]bundle[/\\]?$/, "")).replace(/\.zip$/i, "") || path) };
  });
  const names = uniqueNames(parts.map(({ name }) => name));
  return parts.map(({ path }, index) => ({ name: names[index]!, path }));
}

/** Scores of different classes cannot be compared. */
function requireSameClasses(models: readonly ComparedModel[]): void {
  const classes = (model: ComparedModel): string => model.reports[0]!.classes.map(({ name }) => name).join(", ");
  const [first] = models;
  const other = models.find((model) => classes(model) !== classes(first!));
  if (other === undefined) return;
  throw new HidiffError(
    "compare.classes",
    `${first!.name} was scored on the classes ${classes(first!)}, but ${other.name} on ${classes(other)}; choose common ones with --classes.`,
  );
}
