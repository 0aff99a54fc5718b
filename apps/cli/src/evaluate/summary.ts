import { Generator } from "@hidiff/core-tensor/random";
import { type MaskMetrics, pairedComparison, type PairedComparison, summarize, type Summary } from "@hidiff/metrics";
import type { CaseScores, EvaluationReport } from "hidiff";
import { type MetricDescription, presentMetrics } from "./metrics.ts";

/** One metric over all images and seeds. */
export interface MetricSummary {
  readonly metric: MetricDescription;
  /** Over images, of each image's mean over seeds. */
  readonly prior: Summary;
  readonly refined: Summary;
  /** Refined minus prior, image by image. */
  readonly comparison: PairedComparison;
  /** Over seeds, of the mean over images of the refined masks. */
  readonly seeds: Summary;
}

/** Compares the segmentor's own masks with the refined ones over the reports of several seeds for the same images. */
export function summarizeReports(reports: readonly EvaluationReport[]): MetricSummary[] {
  const ids = reports[0]!.cases.map(({ id }) => id);
  const random = new Generator(reports[0]!.seed).split("bootstrap");
  return presentMetrics(reports[0]!.cases[0]!.prior).map((metric) => {
    const perImage = (which: "prior" | "refined"): (number | undefined)[] =>
      ids.map((_, index) => summarize(reports.map(({ cases }) => score(cases[index]!, which, metric))).mean);
    const [prior, refined] = [perImage("prior"), perImage("refined")];
    return {
      metric,
      prior: summarize(prior),
      refined: summarize(refined),
      comparison: pairedComparison(prior, refined, { random: () => random.uniform(), higherIsBetter: metric.higherIsBetter }),
      seeds: summarize(reports.map((report) => (report.refined as Partial<Record<keyof MaskMetrics, Summary>>)[metric.name]?.mean)),
    };
  });
}

function score(scores: CaseScores, which: "prior" | "refined", { name }: MetricDescription): number | undefined {
  return scores[which][name];
}
