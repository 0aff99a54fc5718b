import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import type { SegmentationDataset, SplitName } from "@hidiff/datasets";
import { openDataset, writePng } from "@hidiff/datasets/node";
import { evaluateDataset, type EvaluationReport, type HiDiffOptions, labelMap, type Segmentation } from "hidiff";
import { useBackend } from "../backend.ts";
import { makeFolder } from "../files/folder.ts";
import { formatJson } from "../files/json.ts";
import { writeManifest } from "../files/manifest.ts";
import { type InferenceFlags, inferenceOptions } from "../options/inference.ts";
import { describeEngine, openModel } from "../options/model.ts";
import { errorPicture } from "../pictures/error-map.ts";
import { maskPicture } from "../pictures/maps.ts";
import { formatDuration } from "../terminal/duration.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { formatTable } from "../terminal/table.ts";
import { type DatasetOptions, datasetSpec } from "./dataset.ts";
import { type MetricSummary, summarizeReports } from "./summary.ts";
import { comparisonHeader, comparisonRows, formatSummary, metricsCsv } from "./tables.ts";

export interface EvaluateOptions extends DatasetOptions, InferenceFlags, HiDiffOptions {
  readonly model: string;
  readonly out: string;
  readonly split: SplitName;
  readonly seed?: number;
  readonly seeds?: readonly number[];
  readonly surface: boolean;
  readonly pictures?: boolean;
  readonly backend?: string;
  readonly json?: boolean;
}

export const evaluationFiles = { table: "metrics.csv", summary: "metrics.json", pictures: "pictures" } as const;

/** `hidiff evaluate`: scores the segmentor's own masks and the refined ones of a split. */
export async function evaluate(options: EvaluateOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const { out, split } = options;
  const seeds = options.seeds ?? [options.seed ?? 1];
  const backend = await useBackend(options.backend, output);
  const found = await openModel(options.model, options);
  const { model } = found;
  const spec = await datasetSpec(found, options);
  const dataset = await openDataset(spec);
  const images = dataset.splits[split].length;
  if (images === 0) throw new HidiffError("evaluate.empty", `The split "${split}" of ${dataset.name} has no images; choose another with --split.`);
  const inference = inferenceOptions(model, options);
  await makeFolder(out);

  const reports = await withProgress({ total: images * seeds.length, unit: "images" }, async (progress) => {
    const finished: EvaluationReport[] = [];
    for (const seed of seeds) {
      const label = seeds.length === 1 ? "Evaluation" : `Seed ${seed}`;
      let done = finished.length * images;
      const report = await evaluateDataset(model.model, dataset, {
        ...inference,
        packedRefiner: await model.packedRefiner(),
        split,
        seed,
        surface: options.surface,
        onProgress: (fraction) => progress.update(done + 0.999 * fraction, label),
        onCase: async ({ id, prior, refined }, segmentation) => {
          if (options.pictures === true) await writePictures(join(out, evaluationFiles.pictures), dataset, id, { seed, alone: seeds.length === 1, segmentation });
          done++;
          progress.update(done, label, [`${id} Dice ${prior.dice?.toFixed(3) ?? "–"} → ${refined.dice?.toFixed(3) ?? "–"}`]);
        },
      });
      finished.push(report);
    }
    return finished;
  });
  const engine = await describeEngine(model);
  model.dispose();

  const summaries = summarizeReports(reports);
  const document = {
    dataset: dataset.name,
    split,
    images,
    model: { path: found.path, name: model.manifest.name, checksums: model.manifest.checksums },
    seeds,
    inference,
    engine,
    metrics: Object.fromEntries(summaries.map(({ metric, ...values }) => [metric.name, values])),
    cases: reports.flatMap(({ seed, cases }) => cases.map((scores) => ({ seed, ...scores }))),
  };
  await writeFileAtomic(join(out, evaluationFiles.table), metricsCsv(reports));
  await writeFileAtomic(join(out, evaluationFiles.summary), formatJson(document));
  const manifest = await writeManifest(out, { command: "evaluate", backend, startedAt, details: { model: document.model, dataset: spec, split, seeds, options: inference, engine } });
  output.emit(document);
  printReport(output, summaries, { name: dataset.name, split, images, seeds });
  output.print(`\nWritten to ${out} in ${formatDuration(manifest.seconds)}: ${evaluationFiles.table}, ${evaluationFiles.summary}`);
}

/** Masks and error maps; never the images themselves. */
async function writePictures(
  folder: string,
  dataset: SegmentationDataset,
  id: string,
  { seed, alone, segmentation }: { seed: number; alone: boolean; segmentation: Segmentation },
): Promise<void> {
  await makeFolder(folder);
  const sample = await dataset.load(id);
  const truth = labelMap(sample.mask, sample.classes);
  const name = join(folder, alone ? id : `${id}_seed${seed}`);
  for (const [which, mask] of [["prior", segmentation.priorMask], ["refined", segmentation.mask]] as const) {
    await writePng(`${name}_${which}_mask.png`, maskPicture(mask, sample, sample.classes));
    await writePng(`${name}_${which}_errors.png`, errorPicture({ mask, truth, height: sample.height, width: sample.width, region: sample.fieldOfView }));
  }
}

function printReport(
  output: Output,
  summaries: readonly MetricSummary[],
  { name, split, images, seeds }: { name: string; split: string; images: number; seeds: readonly number[] },
): void {
  const { bold, dim } = output.colours;
  output.print(bold(`${name}, ${split} split: ${images} image${images === 1 ? "" : "s"}`));
  output.print(formatTable(comparisonHeader, comparisonRows(summaries)));
  const dice = summaries.find(({ metric }) => metric.name === "dice")!;
  const { improvedCount, worsenedCount, count } = dice.comparison;
  output.print(dim("Mean ± standard deviation over images; bootstrap interval of the mean difference; Wilcoxon signed-rank test."));
  output.print(`Dice rose in ${improvedCount} and fell in ${worsenedCount} of ${count} images.`);
  if (seeds.length > 1) output.print(`Mean refined Dice over the seeds ${seeds.join(", ")}: ${formatSummary(dice.seeds, dice.metric.decimals)}`);
}
