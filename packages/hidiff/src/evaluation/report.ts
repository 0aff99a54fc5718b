import type { SplitName } from "@hidiff/datasets";
import { aggregate, type MaskMetrics, type MaskSummaries, type ObjectEvaluation, pairedComparison, type PairedComparison } from "@hidiff/metrics";
import { Generator } from "@hidiff/core-tensor/random";
import type { EvaluatedClass } from "./class-mapping.ts";
import { type LabelMapScores, type SmallObjectScores, summarizeObjects } from "./scores.ts";

/** The segmentor's own mask and the refined one. */
export type MaskSource = "prior" | "refined";

/** The scores of one class in one case. */
export interface ClassScores extends EvaluatedClass {
  readonly prior: MaskMetrics;
  readonly refined: MaskMetrics;
  /** Where they were asked for. */
  readonly smallObjects?: Readonly<Record<MaskSource, SmallObjectScores>>;
}

/** The scores of one case: an image, a volume, or a slice of one. */
export interface CaseScores {
  readonly id: string;
  /** Mean over the classes. */
  readonly prior: MaskMetrics;
  readonly refined: MaskMetrics;
  readonly perClass: readonly ClassScores[];
}

/** One class over all cases. */
export interface ClassSummary extends EvaluatedClass {
  readonly prior: MaskSummaries;
  readonly refined: MaskSummaries;
  /** Dice of the refined mask minus that of the segmentor's own, case by case. */
  readonly comparison: PairedComparison;
  /** Over all objects of all cases, where they were asked for. */
  readonly smallObjects?: Readonly<Record<MaskSource, SmallObjectScores>>;
}

/** A case that could not be read, and why. */
export interface SkippedCase {
  readonly id: string;
  readonly reason: string;
}

/** What a case is: each image or whole volume, or each slice. */
export type EvaluationProtocol = "case" | "slice";

/** Where scores count: where the camera saw something, for data sets that tell, or everywhere. */
export type EvaluationRegion = "field-of-view" | "all";

export interface EvaluationReport {
  readonly dataset: string;
  readonly split: SplitName;
  readonly seed: number;
  readonly protocol: EvaluationProtocol;
  readonly region: EvaluationRegion;
  readonly classes: readonly EvaluatedClass[];
  readonly cases: readonly CaseScores[];
  /** Over cases, of each case's mean over the classes. */
  readonly prior: MaskSummaries;
  readonly refined: MaskSummaries;
  /** Dice of the refined mask minus that of the segmentor's own, case by case. */
  readonly comparison: PairedComparison;
  readonly perClass: readonly ClassSummary[];
  readonly skipped: readonly SkippedCase[];
}

/** Both masks of a case, scored. */
export interface ScoredCase extends Readonly<Record<MaskSource, LabelMapScores>> {
  readonly id: string;
}

/** What a report tells of a case. */
export function caseScores({ id, prior, refined }: ScoredCase, classes: readonly EvaluatedClass[]): CaseScores {
  const perClass = classes.map((evaluated, index) => ({
    ...evaluated,
    prior: prior.perClass[index]!,
    refined: refined.perClass[index]!,
    ...smallObjects(prior.smallObjects.slice(index, index + 1), refined.smallObjects.slice(index, index + 1)),
  }));
  return { id, prior: prior.mean, refined: refined.mean, perClass };
}

function smallObjects(prior: readonly ObjectEvaluation[], refined: readonly ObjectEvaluation[]): Pick<ClassScores, "smallObjects"> {
  return prior.length === 0 ? {} : { smallObjects: { prior: summarizeObjects(prior), refined: summarizeObjects(refined) } };
}

/** The statistics of a report. @param cases at least one */
export function summarizeCases(
  cases: readonly ScoredCase[],
  classes: readonly EvaluatedClass[],
  seed: number,
): Pick<EvaluationReport, "cases" | "prior" | "refined" | "comparison" | "perClass"> {
  const summary = (metricsOf: (scores: LabelMapScores) => MaskMetrics, label: string): Pick<ClassSummary, "prior" | "refined" | "comparison"> => {
    const random = new Generator(seed).split(label);
    const [prior, refined] = [cases.map((scored) => metricsOf(scored.prior)), cases.map((scored) => metricsOf(scored.refined))];
    const dice = (metrics: readonly MaskMetrics[]): (number | undefined)[] => metrics.map((values) => values.dice);
    return {
      prior: aggregate(prior),
      refined: aggregate(refined),
      comparison: pairedComparison(dice(prior), dice(refined), { random: () => random.uniform() }),
    };
  };
  return {
    cases: cases.map((scored) => caseScores(scored, classes)),
    ...summary(({ mean }) => mean, "bootstrap"),
    perClass: classes.map((evaluated, index) => {
      const objects = (which: MaskSource): ObjectEvaluation[] => cases.flatMap((scored) => scored[which].smallObjects.slice(index, index + 1));
      return {
        ...evaluated,
        ...summary(({ perClass }) => perClass[index]!, `bootstrap/${evaluated.label}`),
        ...smallObjects(objects("prior"), objects("refined")),
      };
    }),
  };
}
