import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writePng } from "@hidiff/datasets/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff, lastLine } from "../testing/command.ts";
import { writeTinyBundle } from "../testing/tiny-bundle.ts";

let folder = "";
let model = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-predict-"));
  model = join(folder, "bundle");
  await writeTinyBundle(model);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function drawImages(name: string, files: readonly string[]): Promise<string> {
  const images = join(folder, name);
  await mkdir(images);
  for (const [number, file] of files.entries()) {
    await writePng(join(images, file), { height: 20, width: 24, channels: 1, data: Uint8Array.from({ length: 480 }, (_, pixel) => (pixel * (7 + number)) % 256) });
  }
  return images;
}

interface Manifest {
  readonly results: readonly { readonly case: string; readonly doneBefore?: boolean; readonly error?: string; readonly classes?: readonly object[] }[];
}

async function manifestOf(out: string, file = "manifest.json"): Promise<Manifest> {
  return JSON.parse(await readFile(join(out, file), "utf8")) as Manifest;
}

describe("hidiff predict, called again", () => {
  it("does what is not done, and anew what has changed", async () => {
    const images = await drawImages("again", ["a.png", "b.png", "eye \u00e4 1.png"]);
    const out = join(folder, "again-out");
    const command = ["predict", images, "--model", model, "--out", out];
    const first = await hidiff(command);
    expect(first.stderr).not.toContain("done before");
    expect(first.code).toBe(0);
    // One input changes, one mask is lost.
    await writePng(join(images, "a.png"), { height: 20, width: 24, channels: 1, data: new Uint8Array(480).fill(9) });
    await rm(join(out, "b_mask.png"));
    const second = await hidiff(command);
    expect(second.stderr).toContain("1 done before, 2 to do.");
    expect((await manifestOf(out)).results.map(({ case: name, doneBefore = false }) => [name, doneBefore])).toEqual([["a", false], ["b", false], ["eye \u00e4 1", true]]);
    const [other, all] = [await hidiff([...command, "--seed", "1"]), await hidiff([...command, "--seed", "1", "--overwrite"])];
    for (const { code, stderr } of [other, all]) expect([code, stderr.includes("done before")]).toEqual([0, false]);
  });

  it("does not take its own masks for images, nor replaces an image or what another program wrote", async () => {
    const images = await drawImages("same", ["one.png", "one_mask.png", "two.png"]);
    await writeFile(join(images, "two_mask.png"), "somebody's");
    const [input, foreign] = await Promise.all(["one_mask.png", "two_mask.png"].map((name) => readFile(join(images, name)))) as [Buffer, Buffer];
    const inputs = ["one.png", "one_mask.png", "two.png"].map((name) => join(images, name));
    const outcome = await hidiff(["predict", ...inputs, "--model", model, "--out", images]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/error: .*one_mask\.png is an input itself; choose another folder with --out/);
    expect(outcome.stderr).toMatch(/error: .*two_mask\.png is there already, and hidiff predict did not write it; .*--overwrite/);
    expect((await readFile(join(images, "one_mask.png"))).equals(input)).toBe(true);
    expect((await readFile(join(images, "two_mask.png"))).equals(foreign)).toBe(true);
    // one_mask_mask.png is its own, and no image.
    expect(await readdir(images)).toContain("one_mask_mask.png");
    await rm(join(images, "two_mask.png"));
    const again = await hidiff(["predict", images, "--model", model, "--out", images]);
    expect(again.stderr).toContain("1 done before, 2 to do.");
    expect((await manifestOf(images)).results.map(({ case: name }) => name)).toEqual(["one", "one_mask", "two"]);
  });
});

it("does all inputs once in parts that run at the same time", async () => {
  const images = await drawImages("parts", ["a.png", "b.png", "c.png", "d.png", "e.png"]);
  const [whole, parts] = [join(folder, "whole"), join(folder, "in-parts")];
  const command = ["predict", images, "--model", model, "--probability", "--pixel-size", "0.5"];
  const outcomes = await Promise.all([
    hidiff([...command, "--out", whole]),
    ...[1, 2].map((index) => hidiff([...command, "--out", parts, "--shard", `${index}/2`])),
  ]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
  const masks = (await readdir(whole)).filter((name) => name.endsWith(".png"));
  expect((await readdir(parts)).sort()).toEqual([
    ".hidiff", ...masks, "manifest-1-of-2.json", "manifest-2-of-2.json", "measurements-1-of-2.csv", "measurements-2-of-2.csv",
  ].sort());
  for (const name of masks) expect((await readFile(join(parts, name))).equals(await readFile(join(whole, name)))).toBe(true);
  const names = async (index: number): Promise<string[]> => (await manifestOf(parts, `manifest-${index}-of-2.json`)).results.map((result) => result.case);
  expect([await names(1), await names(2)]).toEqual([["a", "c", "e"], ["b", "d"]]);
  const lines = (file: string): Promise<string[]> => readFile(file, "utf8").then((text) => text.trim().split("\n"));
  const [header, ...rows] = await lines(join(whole, "measurements.csv"));
  expect(header).toBe("case,class,label,voxels,millilitres,square_millimetres,mean_probability,mean_uncertainty");
  const partRows = (await Promise.all([1, 2].map((index) => lines(join(parts, `measurements-${index}-of-2.csv`))))).flatMap(([, ...others]) => others);
  expect(partRows.sort()).toEqual(rows);
  for (const row of rows) {
    const [, name, label, voxels, millilitres, area, probability] = row.split(",");
    expect([name, label, millilitres, Number(area)]).toEqual(["class 1", "1", "", Number(voxels) / 4]);
    if (Number(voxels) > 0) expect(Number(probability)).toBeGreaterThan(0.5);
  }
});

it("takes DICOM images one by one for a model of pictures, and goes on where one is damaged", async () => {
  const series = fileURLToPath(new URL("../../../../packages/datasets/src/volumes/fixtures/dicom-ct", import.meta.url));
  const scans = join(folder, "scans");
  await mkdir(scans);
  for (const name of ["slice0", "slice1"]) {
    const bytes = await readFile(join(series, name));
    // No units, so that it is a picture.
    bytes.write("0      ", bytes.indexOf("-1024.0"), "latin1");
    await writeFile(join(scans, name), bytes);
  }
  await copyFile(join(series, "slice2"), join(scans, "slice2"));
  const out = join(folder, "scans-out");
  const outcome = await hidiff(["predict", scans, "--model", model, "--out", out, "--json"]);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(/error: .*slice2.*unit of their own/);
  expect((await readdir(out)).sort()).toEqual([".hidiff", "manifest.json", "measurements.csv", "slice0_mask.dcm", "slice1_mask.dcm"]);
  const { results } = JSON.parse(outcome.stdout) as Manifest;
  // 0.75 by 0.5 mm, as the files say.
  for (const { classes } of results.slice(0, 2)) {
    const [{ voxels, squareMillimetres }] = classes as readonly [{ voxels: number; squareMillimetres: number }];
    expect(squareMillimetres).toBeCloseTo(voxels * 0.375, 12);
  }
});

it("says what it looked for, and what is wrong with options", async () => {
  const images = await drawImages("plain", ["a.png"]);
  const out = join(folder, "wrong");
  const run = (...more: string[]): ReturnType<typeof hidiff> => hidiff(["predict", "--model", model, "--out", out, ...more]);
  const [pattern, shard, size] = await Promise.all([run(join(images, "*.tif")), run(images, "--shard", "3/2"), run(images, "--pixel-size", "0")]);
  expect([pattern.code, shard.code, size.code]).toEqual([1, 2, 2]);
  expect(lastLine(pattern)).toMatch(/^error: No file matches .*\*\.tif, seen from /);
  expect(shard.stderr).toContain("It must be i/n");
  expect(lastLine(size)).toBe("error: --pixel-size 0: it must be more than 0 millimetres.");
});
