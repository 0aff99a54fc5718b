import type { EvaluationReport } from "hidiff";
import { presentMetrics } from "../evaluate/metrics.ts";
import { formatDifference } from "../evaluate/tables.ts";
import { htmlTable } from "../page/html.ts";

/** Every case, seed and class with every metric, sortable. */
export function caseTable(reports: readonly EvaluationReport[]): string {
  const metrics = presentMetrics(reports[0]!.cases[0]!.prior);
  const severalClasses = reports[0]!.classes.length > 1;
  const severalSeeds = reports.length > 1;
  const header = [
    "Case",
    ...(severalClasses ? ["Class"] : []),
    ...(severalSeeds ? ["Seed"] : []),
    "Dice change",
    ...metrics.flatMap(({ label }) => [`${label} prior`, `${label} refined`]),
  ];
  const rows = reports.flatMap(({ seed, cases }) =>
    cases.flatMap((scores) => {
      const lines = severalClasses ? [{ name: "mean", ...scores }, ...scores.perClass] : [{ name: "", ...scores }];
      return lines.map(({ name, prior, refined }) => [
        scores.id,
        ...(severalClasses ? [name] : []),
        ...(severalSeeds ? [String(seed)] : []),
        formatDifference(prior.dice === undefined || refined.dice === undefined ? undefined : refined.dice - prior.dice, 4),
        ...metrics.flatMap((metric) => [prior, refined].map((found) => found[metric.name]?.toFixed(metric.decimals) ?? "–")),
      ]);
    }),
  );
  return htmlTable(header, rows, "sortable");
}
