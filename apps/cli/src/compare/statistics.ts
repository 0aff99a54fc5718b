import { Generator } from "@hidiff/core-tensor/random";
import { holmAdjust, pairedComparison, type PairedComparison, summarize, type Summary } from "@hidiff/metrics";
import type { EvaluationReport } from "hidiff";
import { type MetricDescription, presentMetrics } from "../evaluate/metrics.ts";

/** A model of the comparison: the scores of its segmentor's own masks and of the refined ones, one report a seed. */
export interface ComparedModel {
  readonly name: string;
  readonly reports: readonly EvaluationReport[];
}

/** One way to masks: a segmentor alone, or with its refiner. */
export interface Method {
  readonly name: string;
  readonly model: string;
  readonly refined: boolean;
}

/** A metric of every method. */
export interface MetricComparison {
  readonly metric: MetricDescription;
  /** By method, then by case: the mean over the seeds; undefined where the metric has no value. */
  readonly values: readonly (readonly (number | undefined)[])[];
  /** By method, over the cases. */
  readonly summaries: readonly Summary[];
  /** The place of the method with the best mean; undefined if none has a value. */
  readonly best: number | undefined;
  /** All pairs of methods. */
  readonly pairs: readonly MethodPair[];
}

/** Two methods on the same cases: the second minus the first. */
export interface MethodPair {
  /** Places of the methods. */
  readonly first: number;
  readonly second: number;
  readonly comparison: PairedComparison;
  /** Of the Wilcoxon signed-rank test, adjusted by Holm's method over all pairs of the metric; undefined without cases. */
  readonly adjustedP: number | undefined;
}

export interface Comparison {
  readonly methods: readonly Method[];
  /** The cases that every model could read, in order. */
  readonly cases: readonly string[];
  readonly metrics: readonly MetricComparison[];
}

/**
 * Compares models on the cases that all of them could read, each with and without refinement.
 *
 * @param models at least one, all on the same split of the same data set, for the same classes
 */
export function compareModels(models: readonly ComparedModel[]): Comparison {
  const methods = models.flatMap(({ name }): Method[] => [
    { name, model: name, refined: false },
    { name: `${name}, refined`, model: name, refined: true },
  ]);
  const scores = models.map(({ reports }) => reports.map(({ cases }) => new Map(cases.map((found) => [found.id, found]))));
  const everywhere = scores.flat();
  const cases = models[0]!.reports[0]!.cases.map(({ id }) => id).filter((id) => everywhere.every((found) => found.has(id)));
  const { seed, cases: firstCases } = models[0]!.reports[0]!;
  const metrics = presentMetrics(firstCases[0]!.prior).map((metric): MetricComparison => {
    const values = methods.map(({ refined }, place) => {
      const ofModel = scores[Math.floor(place / 2)]!;
      return cases.map((id) => summarize(ofModel.map((found) => found.get(id)![refined ? "refined" : "prior"][metric.name])).mean);
    });
    const summaries = values.map((own) => summarize(own));
    return { metric, values, summaries, best: bestOf(summaries, metric), pairs: comparePairs(values, metric, seed) };
  });
  return { methods, cases, metrics };
}

function bestOf(summaries: readonly Summary[], { higherIsBetter }: MetricDescription): number | undefined {
  const ranked = summaries.flatMap(({ mean }, place) => (mean === undefined ? [] : [{ place, rank: higherIsBetter ? mean : -mean }]));
  return ranked.sort((a, b) => b.rank - a.rank)[0]?.place;
}

function comparePairs(values: readonly (readonly (number | undefined)[])[], { name, higherIsBetter }: MetricDescription, seed: number): MethodPair[] {
  const pairs = values.flatMap((baseline, first) =>
    values.slice(first + 1).map((candidate, offset) => {
      const second = first + 1 + offset;
      const random = new Generator(seed).split(`bootstrap/${name}/${first}/${second}`);
      return { first, second, comparison: pairedComparison(baseline, candidate, { random: () => random.uniform(), higherIsBetter }) };
    }),
  );
  const tested = pairs.filter(({ comparison }) => comparison.count > 0);
  const adjusted = holmAdjust(tested.map(({ comparison }) => comparison.wilcoxon.pValue));
  return pairs.map((pair) => ({ ...pair, adjustedP: adjusted[tested.indexOf(pair)] }));
}
