import { access, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MaskMetrics } from "@hidiff/metrics";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { summarizeReports } from "../evaluate/summary.ts";
import { testReport } from "../evaluate/testing.ts";
import { trainingCourse } from "../report/training-course.ts";
import { trainingRecords } from "../report/testing.ts";
import { claimFolder } from "./folder.ts";
import type { GalleryPicture } from "./gallery.ts";
import { buildPage } from "./page.ts";
import { DemoWork } from "./work.ts";

describe("claimFolder", () => {
  let parent = "";
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "hidiff-demo-"));
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it("replaces what a demo made and nothing else", async () => {
    const folder = join(parent, "a", "demo");
    await claimFolder(folder);
    await mkdir(join(folder, "training"));
    for (const name of ["training/log.jsonl", "index.html", "mine.txt"]) await writeFile(join(folder, name), "x");
    await claimFolder(folder);
    expect((await readdir(folder)).sort()).toEqual([".hidiff-demo", "mine.txt"]);
  });

  it("touches no folder of anybody else", async () => {
    await writeFile(join(parent, "index.html"), "mine");
    await expect(claimFolder(parent)).rejects.toMatchObject({ code: "demo.folder" });
    await access(join(parent, "index.html"));
  });

  it("says why it cannot be made", async () => {
    await writeFile(join(parent, "file"), "");
    await expect(claimFolder(join(parent, "file", "demo"))).rejects.toMatchObject({ code: "file.write" });
  });
});

it("DemoWork rises from part to part up to its total", () => {
  const work = new DemoWork({ pretraining: 10, alternating: 20, images: 2, samples: 3 });
  const course = [
    work.training({ phase: "pretraining", iteration: 10 }),
    work.training({ phase: "alternating", iteration: 1 }),
    work.training({ phase: "alternating", iteration: 20 }),
    work.evaluation(1),
    work.evaluation(2),
  ];
  expect(course).toEqual([...course].sort((a, b) => a - b));
  expect(course.at(-1)).toBe(work.total);
  expect(work.evaluation(0)).toBe(course[2]);
});

describe("buildPage", () => {
  const metrics = (dice: number): MaskMetrics => ({ dice, intersectionOverUnion: 0.5, recall: 0.5, precision: 0.5, accuracy: 0.5, specificity: 0.5 });
  const report = testReport(1, [0.5, 0.7].map((dice, index) => ({ id: `<image ${index}>`, prior: metrics(dice), refined: metrics(dice + 0.1) })));
  const picture = (caption: string): GalleryPicture => ({ caption, source: `data:image/png;base64,${caption}`, width: 4, height: 4 });
  const page = buildPage({
    summaries: summarizeReports([report]),
    course: trainingCourse(trainingRecords),
    images: report.cases.map((scores, index) => ({
      scores,
      overview: [picture(`overview${index}`)],
      steps: [1, 0].map((t) => ({ t, latent: picture(`latent${index}${t}`), estimate: picture(`estimate${index}${t}`) })),
    })),
    trainingImages: 32,
    samples: 8,
    facts: [["Backend", "a & b"]],
    command: "hidiff demo --seed 1",
  });

  it("is one file: nothing is loaded from elsewhere", () => {
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address!);
    expect(addresses).toHaveLength(10);
    expect(addresses.every((address) => address.startsWith("data:"))).toBe(true);
    expect(page).not.toMatch(/url\(|@import|<script|<link/);
  });

  it("shows every picture once, in order", () => {
    const names = [...page.matchAll(/base64,(\w+)"/g)].map(([, name]) => name);
    expect(names.slice(0, 5)).toEqual(["overview0", "latent01", "estimate01", "latent00", "estimate00"]);
    expect(new Set(names).size).toBe(10);
  });

  it("tells the scores and escapes texts", () => {
    expect(page).toContain(">0.6000<");
    expect(page).toContain(">0.7000<");
    expect(page).toContain(">+0.1000<");
    expect(page).toContain("2 of 2");
    expect(page).toContain("&lt;image 0&gt;");
    expect(page).toContain("a &amp; b");
    expect(page).not.toContain("<image");
  });
});
