import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configurationSchema, parse, preset } from "hidiff";
import { runFiles } from "hidiff/node";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lossChart, lossSeries, thinOut } from "./loss-chart.ts";
import { pictureRecord, trainingRecords } from "./testing.ts";
import { trainingCourse } from "./training-course.ts";
import { writeTrainingReport } from "./training-report.ts";

const course = trainingCourse(trainingRecords);

it("trainingCourse puts the second phase behind the first", () => {
  expect([course.iterations, course.phaseChange]).toEqual([4, 2]);
  expect(course.losses).toEqual([
    { name: "segmentor alone", points: [{ x: 1, y: 1 }, { x: 2, y: 0.5 }] },
    { name: "segmentor, trained with the refiner", points: [{ x: 3, y: 0.4 }, { x: 4, y: 0.2 }] },
    { name: "refiner", points: [{ x: 3, y: 0.1 }, { x: 4, y: 0.05 }] },
  ]);
  expect(course.validations.map(({ step }) => step)).toEqual([3, 4]);
});

describe("lossChart", () => {
  const size = { width: 400, height: 200 };
  const curves = (chart: string): number[][][] =>
    [...chart.matchAll(/points="([^"]*)"/g)].map(([, points]) => points!.split(" ").map((pair) => pair.split(",").map(Number)));

  it("draws every curve within the frame", () => {
    const coordinates = curves(lossChart(course, lossSeries(course, false), size));
    expect(coordinates.map((points) => points.length)).toEqual([2, 2, 2]);
    for (const [x, y] of coordinates.flat()) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(size.width);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(size.height);
    }
    // All losses halve, which on a logarithmic axis is the same way down.
    const [first, ...others] = coordinates.map(([from, to]) => to![1]! - from![1]!);
    expect(first).toBeGreaterThan(0);
    for (const fall of others) expect(fall).toBeCloseTo(first!, 0);
  });

  it("has the numbers behind their running mean", () => {
    const records = Array.from({ length: 100 }, (_, index) => ({ ...(trainingRecords[0] as object), step: index + 1, losses: { segmentation: index % 2 === 0 ? 1 : 3 } }) as never);
    const noisy = trainingCourse(records);
    const [raw, smooth] = lossSeries(noisy, true);
    expect(raw!.points.map(({ y }) => y).slice(0, 2)).toEqual([1, 3]);
    // Of 3 points on each side and itself: 4 of one kind and 3 of the other.
    expect(smooth!.points[50]!.y).toBeCloseTo((4 * 3 + 3) / 7, 12);
    expect(smooth!.points[0]!.y).toBeCloseTo(2, 12);
  });

  it("is nothing without losses, and has no NaN for a single one", () => {
    const none = trainingCourse([]);
    expect(lossChart(none, lossSeries(none, true), size)).toBe("");
    const one = trainingCourse(trainingRecords.slice(0, 1));
    expect(lossChart(one, lossSeries(one, true), size)).not.toContain("NaN");
  });
});

it("thinOut keeps the first and the last of many points", () => {
  const points = Array.from({ length: 12_345 }, (_, x) => ({ x, y: x }));
  const kept = thinOut(points);
  expect(kept.length).toBeLessThanOrEqual(601);
  expect([kept[0]!.x, kept.at(-1)!.x]).toEqual([0, 12_344]);
});

describe("writeTrainingReport", () => {
  const configuration = parse(configurationSchema, preset("demo"), "The demo's configuration");
  const { pretraining, alternating } = configuration.training;
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "hidiff-report-"));
    await writeFile(join(folder, runFiles.configuration), JSON.stringify(configuration));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function report(records: readonly object[], status: Parameters<typeof writeTrainingReport>[1] = "finished"): Promise<string> {
    await writeFile(join(folder, runFiles.metrics), records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    await writeTrainingReport(folder, status, { processors: "4 <fast>" });
    return readFile(join(folder, "report.html"), "utf8");
  }

  it("tells losses, looks, configuration and machine in one file", async () => {
    const page = await report(trainingRecords);
    expect(page).toContain(`>4 of ${pretraining.iterations + alternating.iterations}<`);
    for (const value of ["0.7111", "0.8222", "0.7333", "0.8111", "+0.1111", "+0.0778"]) expect(page).toContain(`>${value}<`);
    expect(page).toContain("best refined Dice, after 3 iterations");
    expect(page).toContain("3 (best)");
    expect(page).toContain("4 &lt;fast&gt;");
    expect(page).toContain("14 s"); // four iterations of 1.5 s, two looks of 4 s
    const shown = /<pre[^>]*>([^<]*)<\/pre>/.exec(page)![1]!.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
    expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(configuration)));
    expect(page).not.toMatch(/NaN|https?:|<link|@import|src="(?!data:)/);
  });

  it("shows the pictures that are there: the first, the last and some between", async () => {
    await mkdir(join(folder, runFiles.pictures));
    const pictures = Array.from({ length: 20 }, (_, index) => pictureRecord(index + 3, `${runFiles.pictures}/${index}.png`));
    for (const { file } of pictures.slice(1)) await sharp({ create: { width: 16, height: 4, channels: 3, background: "red" } }).png().toFile(join(folder, file));
    const page = await report([...trainingRecords, ...pictures]);
    const steps = [...page.matchAll(/<figcaption>after (\d+) iterations/g)].map(([, step]) => Number(step));
    expect(steps).toHaveLength(7); // of eight, the first file is missing
    expect(steps.at(-1)).toBe(22);
  });

  it("is there before the first look, and replaces itself", async () => {
    expect(await report(trainingRecords.slice(0, 2), "running")).toContain("still running");
    expect(await report(trainingRecords, "stopped")).toContain("can be resumed");
    expect((await readdir(folder)).sort()).toEqual([runFiles.configuration, runFiles.metrics, "report.html"]);
  });
});
