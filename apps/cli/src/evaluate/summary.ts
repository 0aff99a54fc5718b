import { Generator } from "@hidiff/core-tensor/random";
import { type MaskMetrics, pairedComparison, type PairedComparison, summarize, type Summary } from "@hidiff/metrics";
import type { CaseScores, EvaluationReport, SkippedCase } from "hidiff";
import { type MetricDescription, presentMetrics } from "./metrics.ts";

/** One metric over all cases and seeds. */
export interface MetricSummary {
  readonly metric: MetricDescription;
  /** Over cases, of each case's mean over seeds. */
  readonly prior: Summary;
  readonly refined: Summary;
  /** Refined minus prior, case by case. */
  readonly comparison: PairedComparison;
  /** Over seeds, of the mean over cases of the refined masks. */
  readonly seeds: Summary;
}

type Scores = Pick<CaseScores, "prior" | "refined">;

/**
 * Compares the segmentor's own masks with the refined ones over the reports of several seeds for the same cases.
 *
 * @param place of a class in the reports; without it, the mean over the classes
 */
export function summarizeReports(reports: readonly EvaluationReport[], place?: number): MetricSummary[] {
  const pick = (scores: CaseScores): Scores => (place === undefined ? scores : scores.perClass[place]!);
  const scores = reports.map(({ cases }) => new Map(cases.map((found) => [found.id, pick(found)])));
  const ids = [...new Set(scores.flatMap((found) => [...found.keys()]))];
  const random = new Generator(reports[0]!.seed).split(place === undefined ? "bootstrap" : `bootstrap/${place}`);
  return presentMetrics(pick(reports[0]!.cases[0]!).prior).map((metric) => {
    const perCase = (which: keyof Scores): (number | undefined)[] =>
      ids.map((id) => summarize(scores.map((found) => found.get(id)?.[which][metric.name])).mean);
    const [prior, refined] = [perCase("prior"), perCase("refined")];
    const ofReport = (report: EvaluationReport): Partial<Record<keyof MaskMetrics, Summary>> => (place === undefined ? report : report.perClass[place]!).refined;
    return {
      metric,
      prior: summarize(prior),
      refined: summarize(refined),
      comparison: pairedComparison(prior, refined, { random: () => random.uniform(), higherIsBetter: metric.higherIsBetter }),
      seeds: summarize(reports.map((report) => ofReport(report)[metric.name]?.mean)),
    };
  });
}

/** One class over all cases and seeds. */
export interface ClassSummaries {
  readonly label: number;
  readonly name: string;
  readonly summaries: readonly MetricSummary[];
}

/** As {@link summarizeReports}, class by class. */
export function summarizeClasses(reports: readonly EvaluationReport[]): ClassSummaries[] {
  return reports[0]!.classes.map(({ label, name }, place) => ({ label, name, summaries: summarizeReports(reports, place) }));
}

/** The cases that a seed had to skip, each once. */
export function skippedCases(reports: readonly EvaluationReport[]): SkippedCase[] {
  return [...new Map(reports.flatMap(({ skipped }) => skipped).map((bad) => [bad.id, bad])).values()];
}
