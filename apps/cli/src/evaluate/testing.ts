import { aggregate, type MaskMetrics, pairedComparison } from "@hidiff/metrics";
import type { CaseScores, EvaluationReport } from "hidiff";

type CaseInput = Omit<CaseScores, "perClass"> & { readonly perClass?: readonly { readonly prior: MaskMetrics; readonly refined: MaskMetrics }[] };

/** A report of cases with these scores, of classes with these names; without scores per class each class has those of the mean. */
export function testReport(seed: number, inputs: readonly CaseInput[], names: readonly string[] = ["vessel"]): EvaluationReport {
  const classes = names.map((name, index) => ({ label: index + 1, name }));
  const cases = inputs.map((input) => ({
    ...input,
    perClass: classes.map((found, index) => ({ ...found, ...(input.perClass?.[index] ?? { prior: input.prior, refined: input.refined }) })),
  }));
  const summary = (pick: (scores: CaseScores) => Pick<CaseScores, "prior" | "refined">): Pick<EvaluationReport, "prior" | "refined" | "comparison"> => ({
    prior: aggregate(cases.map((scores) => pick(scores).prior)),
    refined: aggregate(cases.map((scores) => pick(scores).refined)),
    comparison: pairedComparison([], []),
  });
  return {
    dataset: "test",
    split: "test",
    seed,
    protocol: "case",
    region: "field-of-view",
    classes,
    cases,
    ...summary((scores) => scores),
    perClass: classes.map((found, index) => ({ ...found, ...summary(({ perClass }) => perClass[index]!) })),
    skipped: [],
  };
}
