import { join } from "node:path";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import type { DatasetSpec, SegmentationDataset } from "@hidiff/datasets";
import { openDataset } from "@hidiff/datasets/node";
import { type Configuration, configurationSchema, evaluateDataset, type EvaluationReport, parse, preset, type RefinementStep } from "hidiff";
import { loadBundle, readRunRecords, runTraining } from "hidiff/node";
import { useBackend } from "../backend.ts";
import { type MetricSummary, summarizeReports } from "../evaluate/summary.ts";
import { comparisonHeader, comparisonRows, metricsCsv } from "../evaluate/tables.ts";
import { formatJson } from "../files/json.ts";
import { writeManifest } from "../files/manifest.ts";
import { assign, type Assignment, parseAssignment } from "../options/assignments.ts";
import { formatDuration } from "../terminal/duration.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { formatTable } from "../terminal/table.ts";
import { trainingCourse } from "../report/training-course.ts";
import { describeLosses, phaseLabels } from "../train/run.ts";
import { claimFolder, demoFiles } from "./folder.ts";
import { type GalleryImage, writeGalleryImage } from "./gallery.ts";
import { buildPage } from "./page.ts";
import { DemoWork } from "./work.ts";

export interface DemoOptions {
  readonly out: string;
  readonly seed: number;
  readonly iterations?: number;
  readonly set?: readonly string[];
  readonly backend?: string;
  readonly json?: boolean;
}

/** `hidiff demo`: draws images, trains, evaluates and makes a page. */
export async function demo(options: DemoOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const { out, seed } = options;
  const configuration = demoConfiguration(options);
  const backend = await useBackend(options.backend, output);
  await claimFolder(out);
  const dataset = await openDataset(configuration.dataset as DatasetSpec);
  const { training, inference } = configuration;
  const total = dataset.splits.test.length;
  const work = new DemoWork({
    pretraining: training.pretraining.iterations,
    alternating: training.alternating.iterations,
    images: total,
    samples: inference.samples * (inference.flips ? 4 : 1),
  });
  const folder = join(out, demoFiles.training);
  const { bundle, trainingSeconds, report, images } = await withProgress({ total: work.total }, async (progress) => {
    const run = await runTraining(configuration, {
      folder,
      onIteration: (iteration) => progress.update(work.training(iteration), phaseLabels[iteration.phase], describeLosses(iteration.losses)),
    });
    run.model.dispose();
    const trained = (Date.now() - startedAt.getTime()) / 1000;
    const evaluation = await evaluateBundle(run.bundle!, dataset, {
      configuration,
      seed,
      folder: join(out, demoFiles.pictures),
      onProgress: (done) => progress.update(work.evaluation(done), "Evaluation"),
    });
    return { bundle: run.bundle!, trainingSeconds: trained, ...evaluation };
  });

  const summaries = summarizeReports([report]);
  const seconds = (Date.now() - startedAt.getTime()) / 1000;
  const course = trainingCourse(await readRunRecords(folder));
  const facts = [
    ["Seed", String(seed)],
    ["Backend", `${backend.name} (${backend.reason})`],
    ["Iterations", `${training.pretraining.iterations} of the segmentor alone, ${training.alternating.iterations} of both`],
    ["Training", formatDuration(trainingSeconds)],
    ["Everything", formatDuration(seconds)],
  ] as const;
  const command = repeatCommand(options);
  const page = join(out, demoFiles.page);
  await writeFileAtomic(page, buildPage({ summaries, course, images, trainingImages: dataset.splits.train.length, samples: inference.samples, facts, command }));
  await writeFileAtomic(join(out, demoFiles.table), metricsCsv([report]));
  const metrics = Object.fromEntries(summaries.map(({ metric, ...values }) => [metric.name, values]));
  const document = { page, bundle, seed, images: images.length, seconds, metrics, cases: report.cases };
  await writeFileAtomic(join(out, demoFiles.summary), formatJson(document));
  await writeManifest(out, { command: "demo", backend, startedAt, details: { seed, configuration } });
  output.emit(document);
  printSummary(output, summaries, { page, seconds, bundle });
}

/** Evaluates the held-out images with the model as it was saved, and writes the pictures of each. */
async function evaluateBundle(
  bundle: string,
  dataset: SegmentationDataset,
  { configuration, seed, folder, onProgress }: { configuration: Configuration; seed: number; folder: string; onProgress: (images: number) => void },
): Promise<{ report: EvaluationReport; images: readonly GalleryImage[] }> {
  const hidiff = await loadBundle(bundle);
  const images: GalleryImage[] = [];
  let steps: RefinementStep[] = [];
  const report = await evaluateDataset(hidiff.model, dataset, {
    ...configuration.inference,
    packedRefiner: await hidiff.packedRefiner(),
    preprocessing: hidiff.manifest.preprocessing.steps,
    maps: ["uncertainty"],
    split: "test",
    seed,
    onStep: (step) => steps.push(step),
    onProgress: (fraction) => onProgress(images.length + 0.999 * fraction),
    onCase: async (evaluated) => {
      images.push(await writeGalleryImage(join(folder, evaluated.id), evaluated, steps));
      steps = [];
      onProgress(images.length);
    },
  });
  hidiff.dispose();
  return { report, images };
}

function demoConfiguration({ seed, iterations, set = [] }: DemoOptions): Configuration {
  const changes: Assignment[] = [
    { path: ["training", "seed"], value: seed },
    ...(iterations === undefined ? [] : [{ path: ["training", "alternating", "iterations"], value: iterations }]),
    ...set.map(parseAssignment),
  ];
  return parse(configurationSchema, assign(preset("demo"), changes), "The demo's configuration");
}

function repeatCommand({ seed, iterations, set = [] }: DemoOptions): string {
  const parts = [`--seed ${seed}`, ...(iterations === undefined ? [] : [`--iterations ${iterations}`]), ...set.map((assignment) => `--set ${assignment}`)];
  return `hidiff demo ${parts.join(" ")}`;
}

function printSummary(output: Output, summaries: readonly MetricSummary[], { page, seconds, bundle }: { page: string; seconds: number; bundle: string }): void {
  const { bold } = output.colours;
  const { improvedCount, count } = summaries.find(({ metric }) => metric.name === "dice")!.comparison;
  output.print(formatTable(comparisonHeader, comparisonRows(summaries)));
  output.print(`Dice rose in ${improvedCount} of ${count} images that the networks had never seen. Done in ${formatDuration(seconds)}.`);
  output.print(`\nLook at it: ${bold(page)}`);
  output.print(`The model:  ${bundle}`);
}
