import { Generator } from "@hidiff/core-tensor/random";
import { CalibrationCollector, type EvaluationReport } from "hidiff";
import { describe, expect, it } from "vitest";
import { presentMetrics } from "../evaluate/metrics.ts";
import { summarizeClasses, summarizeReports } from "../evaluate/summary.ts";
import { formatDifference } from "../evaluate/tables.ts";
import { testReport } from "../evaluate/testing.ts";
import { CaseViews } from "./case-views.ts";
import { commandLine } from "../terminal/command-line.ts";
import { evaluationPage } from "./evaluation-page.ts";
import { testCase, testMetrics, testStep } from "./testing.ts";

const size = { depth: 1, height: 20, width: 24, classes: 1 };

/** A report of many cases with random scores. */
function randomReport(seed: number, ids: readonly string[], classNames: readonly string[] = ["vessel"]): EvaluationReport {
  const random = new Generator(seed);
  const metrics = () => ({ ...testMetrics(random.uniform()), hausdorffDistance95: random.uniform() * 30, averageSymmetricSurfaceDistance: undefined });
  return testReport(
    seed,
    ids.map((id) => ({ id, prior: metrics(), refined: metrics(), perClass: classNames.map(() => ({ prior: metrics(), refined: metrics() })) })),
    classNames,
  );
}

async function page(reports: readonly EvaluationReport[], { limit = 4, images = true } = {}): Promise<string> {
  const views = new CaseViews({ limit, images, classes: 1, colourOf: () => [255, 0, 0] });
  const calibration = new CalibrationCollector();
  for (const scores of reports[0]!.cases) {
    for (const t of [2, 1, 0]) views.addStep(testStep(t, size), 0);
    const evaluated = testCase([scores], size);
    calibration.add(evaluated);
    await views.addCase(evaluated);
  }
  return evaluationPage({
    model: "model <1>",
    reports,
    summaries: summarizeReports(reports),
    classes: summarizeClasses(reports),
    calibration: calibration.report(),
    views: views.chosen(),
    colours: [],
    skipped: [{ id: "torn", reason: "no <image>" }],
    unit: "image",
    distanceUnit: "pixels",
    sizeThreshold: undefined,
    facts: [["Backend", "a & b"]],
    command: "hidiff evaluate --model 'a b'",
  });
}

/** The texts of the rows of the table that can be sorted. */
function tableRows(html: string): string[][] {
  const table = /<table class="sortable">([\s\S]*?)<\/table>/.exec(html)![1]!;
  return [...table.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) => [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell!));
}

const ids = Array.from({ length: 9 }, (_, index) => `case ${index}`);

describe("evaluationPage", () => {
  it("has every case with every value", async () => {
    const report = randomReport(1, ids);
    const [header, ...rows] = tableRows(await page([report]));
    const metrics = presentMetrics(report.cases[0]!.prior);
    expect(header!.slice(0, 4)).toEqual(["Case", "Dice change", "Dice prior", "Dice refined"]);
    expect(rows).toEqual(
      report.cases.map(({ id, prior, refined }) => [
        id,
        formatDifference(refined.dice! - prior.dice!, 4),
        ...metrics.flatMap(({ name, decimals }) => [prior[name]?.toFixed(decimals) ?? "–", refined[name]?.toFixed(decimals) ?? "–"]),
      ]),
    );
    expect(rows[0]).toHaveLength(2 + 2 * 8);
  });

  it("has them class by class and seed by seed", async () => {
    const reports = [randomReport(1, ids, ["liver", "spleen"]), randomReport(2, ids, ["liver", "spleen"])];
    const html = await page(reports);
    const [header, ...rows] = tableRows(html);
    expect(header!.slice(0, 3)).toEqual(["Case", "Class", "Seed"]);
    expect(rows).toHaveLength(9 * 3 * 2);
    const { perClass } = reports[1]!.cases[8]!;
    expect(rows.at(-1)!.slice(0, 3)).toEqual(["case 8", "spleen", "2"]);
    expect(rows.at(-1)!.slice(4, 6)).toEqual([perClass[1]!.prior.dice!.toFixed(4), perClass[1]!.refined.dice!.toFixed(4)]);
    expect(html).toContain("Dice by class");
    expect(html).toContain("its mean over the seeds 1, 2");
  });

  it("tells the headline numbers with the interval of the difference", async () => {
    const reports = [randomReport(1, ids)];
    const { prior, refined, comparison } = summarizeReports(reports)[0]!;
    const html = await page(reports);
    for (const value of [prior.mean!.toFixed(4), refined.mean!.toFixed(4), formatDifference(comparison.meanDifference, 4)]) expect(html).toContain(`>${value}</b>`);
    expect(html).toContain(`95 % interval ${comparison.interval!.map((end) => formatDifference(end, 4)).join(" … ")}`);
    // A dot a case and method in both sizes of each of seven box plots (ASSD has no values), a bar a case in both of two change plots.
    expect(html.match(/<circle cx/g)).toHaveLength(9 * 2 * 2 * 7);
    expect(html.match(/<rect class="bar/g)).toHaveLength(9 * 2 * 2);
  });

  it("has no address outside of itself, and is small", async () => {
    const html = await page([randomReport(1, ids)], { limit: 9 });
    const sources = [...html.matchAll(/(?:src|href)="([^"]*)"|url\(([^)]*)\)/g)].map(([, source, url]) => source ?? url!);
    expect(sources).toHaveLength(9 * (7 + 1));
    expect(sources.every((source) => source.startsWith("data:image/webp;base64,"))).toBe(true);
    expect(html).not.toMatch(/https?:|@import|<link/);
    expect(html.length).toBeLessThan(250_000);
  });

  it("shows no more cases than asked for", async () => {
    const report = randomReport(1, ids);
    for (const limit of [0, 4]) {
      const cards = (await page([report], { limit })).match(/<section class="card">/g) ?? [];
      expect(cards.length).toBeLessThanOrEqual(limit);
      expect(cards.length > 0).toBe(limit > 0);
    }
    expect(await page([report], { images: false })).not.toContain('alt="Image:');
  });

  it("escapes the names of cases and classes", async () => {
    const evil = `<script>alert("1")</script>`;
    const html = await page([randomReport(1, [evil, "b"], [evil, "spleen"])]);
    expect(html.match(/<script>/g)).toHaveLength(1); // the page's own
    expect(html).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    expect(html).toContain("model &lt;1&gt;");
    expect(html).toContain("no &lt;image&gt;");
    expect(html).toContain("a &amp; b");
  });

  it("can do with a single case without any value", async () => {
    const nothing = testReport(1, [{ id: "only", prior: testMetrics(undefined), refined: testMetrics(undefined) }]);
    const [content = ""] = (await page([nothing])).split("<script>");
    expect(content.replaceAll(/base64,[\w+/=]*/g, "")).not.toMatch(/NaN|Infinity|undefined/);
  });
});

it("commandLine quotes what a shell would take apart", () => {
  expect(commandLine(["evaluate", "--model", "a b", "--map", "it's=x", "--seeds", "1,2"])).toBe(String.raw`hidiff evaluate --model 'a b' --map 'it'\''s=x' --seeds 1,2`);
});
