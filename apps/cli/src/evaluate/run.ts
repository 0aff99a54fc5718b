import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import type { HiDiffOptions } from "hidiff";
import { useBackend } from "../backend.ts";
import { makeFolder } from "../files/folder.ts";
import { formatJson } from "../files/json.ts";
import { writeManifest } from "../files/manifest.ts";
import { type InferenceFlags, inferenceOptions } from "../options/inference.ts";
import { describeEngine, openModel } from "../options/model.ts";
import { EvaluationReportBuilder } from "../report/evaluation-report.ts";
import { formatDuration } from "../terminal/duration.ts";
import { withInterruption } from "../terminal/interruption.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { versions } from "../versions.ts";
import { type DatasetOptions, datasetSpec, openEvaluatedDataset, requireSameSlicing } from "./dataset.ts";
import { evaluateModel, type ScoringOptions } from "./evaluate-model.ts";
import { writeEvaluationPictures } from "./pictures.ts";
import { printReport } from "./print.ts";
import { type MetricSummary, skippedCases, summarizeClasses, summarizeReports } from "./summary.ts";
import { metricsCsv, smallObjectsCsv } from "./tables.ts";

export interface EvaluateOptions extends DatasetOptions, InferenceFlags, HiDiffOptions, ScoringOptions {
  readonly model: string;
  readonly out: string;
  readonly seed?: number;
  readonly seeds?: readonly number[];
  readonly pictures?: boolean;
  /** Whether report.html is written. */
  readonly report: boolean;
  /** How many cases it shows with pictures. */
  readonly reportCases: number;
  /** Whether it shows the images themselves. */
  readonly images: boolean;
  readonly backend?: string;
  readonly json?: boolean;
}

export const evaluationFiles = {
  table: "metrics.csv",
  summary: "metrics.json",
  smallObjects: "small-objects.csv",
  pictures: "pictures",
  report: "report.html",
} as const;

/** `hidiff evaluate`: scores the segmentor's own masks and the refined ones of a split. */
export async function evaluate(options: EvaluateOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const { out, split, protocol, smallObjects } = options;
  const seeds = options.seeds ?? [options.seed ?? 1];
  const backend = await useBackend(options.backend, output);
  const found = await openModel(options.model, options);
  const { model } = found;
  const spec = await datasetSpec(found, options);
  const { dataset, priors, notes } = await openEvaluatedDataset(found, spec, options);
  for (const note of notes) output.note(note);
  requireSameSlicing(model.manifest, dataset);
  const images = dataset.splits[split].length;
  const kind = dataset.splits[split].some((id) => dataset.depthOf(id) > 1) ? "volume" : "image";
  if (images === 0) throw new HidiffError("evaluate.empty", `The split "${split}" of ${dataset.name} has no images; choose another with --split.`);
  const inference = inferenceOptions(model, options);
  await makeFolder(out);
  const builder = options.report ? new EvaluationReportBuilder(model, { cases: options.reportCases, images: options.images }) : undefined;

  let hasRegion = false;
  const reports = await withProgress({ total: images * seeds.length, unit: `${kind}s` }, (progress) =>
    withInterruption(
      () => progress.note("Stopping, without scores; Ctrl-C once more stops at once."),
      (check) =>
        evaluateModel(model, dataset, {
          ...options,
          inference,
          seeds,
          progress,
          done: 0,
          label: (seed) => (seeds.length === 1 ? "Evaluation" : `Seed ${seed}`),
          check,
          details: builder?.details,
          onCase: async (evaluated, seed) => {
            hasRegion ||= evaluated.region !== undefined;
            if (seed === seeds[0]) await builder?.addCase(evaluated);
            const ending = seeds.length === 1 ? "" : `_seed${seed}`;
            if (options.pictures === true) await writeEvaluationPictures(join(out, evaluationFiles.pictures), evaluated, ending);
          },
        }),
    ),
  );
  const engine = await describeEngine(model);
  model.dispose();
  const region = hasRegion ? options.region : "all";

  const summaries = summarizeReports(reports);
  const classes = summarizeClasses(reports);
  const skipped = skippedCases(reports);
  const document = {
    dataset: dataset.name,
    split,
    protocol,
    region,
    images,
    model: { path: found.path, name: model.manifest.name, checksums: model.manifest.checksums },
    seeds,
    inference,
    engine,
    metrics: byName(summaries),
    perClass: classes.map(({ label, name, summaries: own }, place) => ({
      label,
      name,
      metrics: byName(own),
      ...(smallObjects === undefined ? {} : { smallObjects: reports.map(({ seed, perClass }) => ({ seed, sizeThreshold: smallObjects, ...perClass[place]!.smallObjects })) }),
    })),
    ...(builder === undefined ? {} : { calibration: builder.calibration() }),
    skipped,
    cases: reports.flatMap(({ seed, cases }) => cases.map((scores) => ({ seed, ...scores }))),
  };
  const files: string[] = [evaluationFiles.table, evaluationFiles.summary];
  await writeFileAtomic(join(out, evaluationFiles.table), metricsCsv(reports));
  await writeFileAtomic(join(out, evaluationFiles.summary), formatJson(document));
  if (smallObjects !== undefined) {
    await writeFileAtomic(join(out, evaluationFiles.smallObjects), smallObjectsCsv(reports));
    files.push(evaluationFiles.smallObjects);
  }
  const unit = protocol === "slice" ? "slice" : kind;
  if (builder !== undefined) {
    const facts = [
      ["Model", `${model.manifest.name}, ${found.path}`],
      ["Data set", typeof spec["root"] === "string" ? `${dataset.name}, ${spec["root"]}` : dataset.name],
      ...(priors === undefined ? [] : [["Priors", priors] as const]),
      ["Split", `${split}, ${images} ${kind}s`],
      ["Protocol", `${protocol === "slice" ? "each slice" : `each ${kind}`}, ${region === "all" ? "everywhere" : "within the field of view"}`],
      ["Seeds", seeds.join(", ")],
      ["Inference", describeOptions(inference)],
      ["Engine", describeOptions(engine)],
      ["Backend", `${backend.name} (${backend.reason})`],
      ["Versions", describeOptions(versions())],
      ["Date", startedAt.toISOString()],
      ["Time", formatDuration((Date.now() - startedAt.getTime()) / 1000)],
    ] as const;
    await writeFileAtomic(join(out, evaluationFiles.report), builder.page({ reports, summaries, classes, skipped, unit, sizeThreshold: smallObjects, facts }));
    files.push(evaluationFiles.report);
  }
  const details = { model: document.model, dataset: spec, priors, split, protocol, region, seeds, options: inference, engine, skipped };
  const manifest = await writeManifest(out, { command: "evaluate", backend, startedAt, details });
  output.emit(document);
  printReport(output, { reports, summaries, classes, skipped, sizeThreshold: smallObjects, unit });
  output.print(`\nWritten to ${out} in ${formatDuration(manifest.seconds)}: ${files.join(", ")}`);
}

/** "samples 3, window 128" */
function describeOptions(options: object): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}

function byName(summaries: readonly MetricSummary[]): Record<string, Omit<MetricSummary, "metric">> {
  return Object.fromEntries(summaries.map(({ metric, ...values }) => [metric.name, values]));
}
