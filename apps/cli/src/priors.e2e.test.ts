import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readImage, writePng } from "@hidiff/datasets/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff, lastLine } from "./testing/command.ts";

// Spawns the command from its sources. The tests are one story: each builds on the run that the first one makes.

const [height, width] = [36, 44];
const names = Array.from({ length: 10 }, (_, number) => `case${number}`);
const test = names.slice(8);

let folder = "";
let data = "";
let priors = "";
let run = "";
/** By case: the truth, and another program's mask of it. */
const drawn = new Map<string, { readonly truth: Uint8Array; readonly given: Uint8Array }>();

/** A bright disc on a dark ground, and a mask of it that lacks its left third and has a stain. */
function draw(number: number): { pixels: Uint8Array; truth: Uint8Array; given: Uint8Array } {
  let state = number * 7919 + 17;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const [row, column, radius] = [13 + 10 * random(), 15 + 12 * random(), 7 + 3 * random()];
  const [truth, given] = [new Uint8Array(height * width), new Uint8Array(height * width)];
  const pixels = new Uint8Array(3 * height * width);
  for (let pixel = 0; pixel < truth.length; pixel++) {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    truth[pixel] = Number(Math.hypot(y - row, x - column) < radius);
    given[pixel] = Number((truth[pixel] === 1 && x > column - radius / 3) || (y > 30 && x > 36));
    for (let channel = 0; channel < 3; channel++) pixels[3 * pixel + channel] = 40 + 150 * truth[pixel]! + 30 * random();
  }
  return { pixels, truth, given };
}

function dice(mask: Uint8Array, truth: Uint8Array): number {
  const both = mask.reduce((sum, value, pixel) => sum + value * truth[pixel]!, 0);
  return (2 * both) / (mask.reduce((sum, value) => sum + value, 0) + truth.reduce((sum, value) => sum + value, 0));
}

const grey = (mask: Uint8Array, white = 255) => ({ height, width, channels: 1, data: mask.map((value) => value * white) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-priors-"));
  [data, priors, run] = [join(folder, "data"), join(folder, "other program"), join(folder, "run")];
  for (const inner of [join(data, "images"), join(data, "masks"), priors]) await mkdir(inner, { recursive: true });
  for (const [number, name] of names.entries()) {
    const { pixels, truth, given } = draw(number);
    drawn.set(name, { truth, given });
    await writePng(join(data, "images", `${name}.png`), { height, width, channels: 3, data: pixels });
    await writePng(join(data, "masks", `${name}.png`), grey(truth));
    await writePng(join(priors, number % 2 === 0 ? `${name}_mask.png` : `${name}.png`), grey(given, number % 3 === 0 ? 1 : 255));
  }
  await writeFile(join(data, "test.txt"), test.join("\n"));
  await writeFile(join(data, "hidiff-dataset.yaml"), "classes: { disc: 255 }\nsplit: { test: test.txt }\n");
  await writeFile(
    join(folder, "tiny.yaml"),
    `
dataset: { name: folder, root: ${JSON.stringify(data)} }
architecture:
  segmentor: { name: masks, options: { featureWidth: 4 } }
  refiner: { baseWidth: 8 }
  diffusion: { steps: 2, target: y0 }
training:
  batchSize: 4
  cropSize: 32
  augmentation: { affine: false, colorJitter: false, gaussianBlur: false }
  alternating: { iterations: 60, refinerLearningRate: 0.005 }
  averageDecay: 0.9
  validationInterval: 30
  checkpointInterval: 100
inference: { samples: 2, window: 32, batchSize: 8 }
`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("hidiff with another program's masks", () => {
  it("does not train without them, and counts those that are missing", async () => {
    const without = await hidiff(["train", "--config", join(folder, "tiny.yaml"), "--out", join(folder, "none")]);
    expect(without.code).toBe(1);
    expect(lastLine(without)).toContain("--priors FOLDER");
    const missing = await hidiff(["train", "--config", join(folder, "tiny.yaml"), "--priors", join(data, "images", ".."), "--out", join(folder, "missing")]);
    expect(missing.code).toBe(1);
    expect(lastLine(missing)).toMatch(/has no file for 8 of 8 cases: case0, case1, case2, …/);
  });

  it("trains a refiner of them", async () => {
    const outcome = await hidiff(["train", "--config", join(folder, "tiny.yaml"), "--priors", priors, "--out", run]);
    expect(outcome.stderr).not.toContain("error");
    expect(outcome.stderr).toContain('The segmentor "masks" cannot be trained');
    expect(outcome.code).toBe(0);
    const configuration = JSON.parse(await readFile(join(run, "configuration.json"), "utf8")) as object;
    expect(configuration).toMatchObject({ priors: { folder: priors } });
  });

  it("scores the given masks as the prior, on the training's data set without being told", async () => {
    const out = join(folder, "evaluation");
    const outcome = await hidiff(["evaluate", "--model", run, "--out", out, "--json"]);
    expect(outcome.stderr).not.toContain("error");
    const { cases } = JSON.parse(outcome.stdout) as { cases: { id: string; prior: { dice: number }; refined: { dice: number } }[] };
    expect(cases.map(({ id }) => id)).toEqual(test);
    for (const { id, prior, refined } of cases) {
      const { truth, given } = drawn.get(id)!;
      expect(prior.dice).toBeCloseTo(dice(given, truth), 12);
      expect(refined.dice).toBeGreaterThan(prior.dice);
    }
    expect(JSON.parse(await readFile(join(out, "manifest.json"), "utf8"))).toMatchObject({ priors });
  });

  it("evaluates with masks of another folder", async () => {
    const perfect = join(folder, "perfect");
    await mkdir(perfect);
    for (const name of test) await writePng(join(perfect, `${name}_prob.png`), grey(drawn.get(name)!.truth));
    const evaluate = ["evaluate", "--model", join(run, "bundle"), "--dataset", "folder", "--data", data, "--no-surface", "--out", join(folder, "again"), "--json"];
    const [given, train] = [await hidiff([...evaluate, "--priors", perfect]), await hidiff([...evaluate, "--priors", perfect, "--split", "train"])];
    expect((JSON.parse(given.stdout) as { metrics: { dice: { prior: { mean: number } } } }).metrics.dice.prior.mean).toBe(1);
    expect(train.code).toBe(1);
    expect(lastLine(train)).toMatch(/has no file for \d of \d cases/);
  });

  it("predicts with the mask that has an input's name", async () => {
    const out = join(folder, "masks");
    const inputs = test.map((name) => join(data, "images", `${name}.png`));
    const outcome = await hidiff(["predict", ...inputs, "--model", run, "--priors", priors, "--out", out, "--seed", "1", "--overlay"]);
    expect(outcome.stderr).not.toContain("error");
    expect(outcome.code).toBe(0);
    for (const name of test) {
      const { truth, given } = drawn.get(name)!;
      const mask = Uint8Array.from((await readImage(join(out, `${name}_mask.png`))).data, (value) => Number(value > 127));
      expect(dice(mask, truth)).toBeGreaterThan(dice(given, truth));
    }
    const { results } = JSON.parse(await readFile(join(out, "manifest.json"), "utf8")) as { results: { prior: string }[] };
    expect(results.map(({ prior }) => prior)).toEqual([join(priors, "case8_mask.png"), join(priors, "case9.png")]);
  });

  it("says what is missing or does not fit", async () => {
    const input = join(data, "images/case8.png");
    const predict = ["predict", input, "--model", run, "--out", join(folder, "bad")];
    const small = join(folder, "small");
    await mkdir(small);
    await writePng(join(small, "case8.png"), { height: 20, width: 20, channels: 1, data: new Uint8Array(400) });
    const [without, elsewhere, wrong] = [await hidiff(predict), await hidiff([...predict, "--priors", run]), await hidiff([...predict, "--priors", small])];
    expect([without.code, elsewhere.code, wrong.code]).toEqual([2, 1, 1]);
    expect(without.stderr).toMatch(/error: .*--priors FOLDER/);
    expect(lastLine(elsewhere)).toMatch(/has no file for 1 of 1 cases: case8\. Expected/);
    expect(wrong.stderr).toMatch(/case8\.png" is 20×20 but its image is 44×36 pixels/);
  });
});
