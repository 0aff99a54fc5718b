import { Generator } from "@hidiff/core-tensor/random";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { CaseViews } from "./case-views.ts";
import { chooseCases } from "./choose-cases.ts";
import { testCase, testScores, testStep } from "./testing.ts";

describe("chooseCases", () => {
  const scores = [["a", 0.5, 0.9], ["b", 0.5, 0.1], ["c", 0.9, 0.6], ["d", 0.2, 0.65], ["e", 0.7, 0.7], ["f", undefined, undefined]] as const;
  const cases = scores.map(([id, prior, refined]) => testScores(id, prior, refined));

  it("takes the extremes, each once, with the reasons", () => {
    expect(chooseCases(cases, 4)).toEqual([
      { id: "b", reasons: ["lowest Dice", "fell most"] },
      { id: "d", reasons: ["rose most"] },
      { id: "a", reasons: ["highest Dice"] },
    ]);
    expect(chooseCases(cases, 1)).toEqual([{ id: "b", reasons: ["lowest Dice"] }]);
    expect(chooseCases(cases, 0)).toEqual([]);
  });

  it("takes all where they are few, by ascending Dice", () => {
    expect(chooseCases(cases, 6).map(({ id }) => id)).toEqual(["b", "c", "d", "e", "a", "f"]);
  });

  it("never chooses a case later that it left out before", () => {
    const random = new Generator(5);
    // Coarse values, so that there are equal ones.
    const dice = (): number => Math.floor(random.uniform() * 6) / 6;
    for (let trial = 0; trial < 40; trial++) {
      const many = Array.from({ length: 25 }, (_, index) => testScores(String(index), dice(), dice()));
      const limit = trial % 9;
      let before = new Set<string>();
      for (let count = 1; count <= many.length; count++) {
        const chosen = chooseCases(many.slice(0, count), limit).map(({ id }) => id);
        expect(chosen.length).toBeLessThanOrEqual(limit);
        for (const id of chosen) expect(before.has(id) || id === many[count - 1]!.id).toBe(true);
        before = new Set(chosen);
      }
    }
  });
});

describe("CaseViews", () => {
  const size = { depth: 1, height: 12, width: 10, classes: 1 };
  const options = { limit: 2, images: true, classes: 1, colourOf: () => [1, 2, 3] as const };
  const captions = ["Image", "Truth", "Prior", "Refined", "Errors of the prior", "Errors, refined", "Uncertainty"];

  async function pixels(source: string): Promise<{ data: Buffer; width: number }> {
    const { data, info } = await sharp(Buffer.from(source.replace("data:image/webp;base64,", ""), "base64")).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { data, width: info.width };
  }

  it("keeps the pictures of the chosen cases only, with the steps of each", async () => {
    const views = new CaseViews(options);
    for (const [index, refined] of [0.7, 0.3, 0.5].entries()) {
      for (const t of [2, 1, 0]) views.addStep(testStep(t + index, size), 0);
      await views.addCase(testCase([testScores(`case ${index}`, 0.5, refined)], size));
    }
    const chosen = views.chosen();
    expect(chosen.map(({ scores, reasons }) => [scores.id, reasons])).toEqual([["case 1", ["lowest Dice", "fell most"]]]);
    expect(chosen[0]!.pictures.map(({ caption }) => caption)).toEqual(captions);
    expect(chosen[0]!.film!.steps).toEqual([3, 2, 1]);
  });

  it("shows masks exactly as they are", async () => {
    const evaluated = testCase([testScores("a", 0.5, 0.6)], size);
    const views = new CaseViews(options);
    await views.addCase(evaluated);
    const [{ pictures, film }] = views.chosen() as [ReturnType<CaseViews["chosen"]>[0]];
    const { data } = await pixels(pictures.find(({ caption }) => caption === "Refined")!.source);
    expect([...data]).toEqual([...evaluated.segmentation.labels].flatMap((label) => new Array<number>(3).fill(label * 255)));
    expect(film).toBeUndefined();
  });

  it("shows no image where none may be shown", async () => {
    const views = new CaseViews({ ...options, images: false });
    await views.addCase(testCase([testScores("a", 0.5, 0.6)], size));
    expect(views.chosen()[0]!.pictures.map(({ caption }) => caption)).toEqual(captions.slice(1));
  });

  it("shows of a volume the slice with the most foreground, and its steps", async () => {
    const solid = { ...size, depth: 3, classes: 3 };
    const views = new CaseViews({ ...options, classes: 3, colourOf: (label) => [0, 100 * label, 0] });
    for (let slice = 0; slice < 3; slice++) views.addStep(testStep(slice + 4, solid), slice);
    await views.addCase(testCase([testScores("ct", 0.5, 0.6)], solid));
    const [{ slice, film }] = views.chosen() as [ReturnType<CaseViews["chosen"]>[0]];
    expect(slice).toBe(1);
    expect(film!.steps).toEqual([5]);
    const { data, width } = await pixels(film!.sheet.source);
    // In the latent mask the first six columns are of class 1; in the estimate the first row.
    expect([...data.subarray(0, width * 3)].filter((_, index) => index % 3 === 1)).toEqual([100, 100, 100, 100, 100, 100, 0, 0, 0, 0]);
    expect([...data.subarray(width * 3 * size.height)].filter((_, index) => index % 3 === 1).map((green) => green / 100).join("")).toBe("1".repeat(width) + "0".repeat(width * (size.height - 1)));
  });

  it("takes every slice as a case where each is scored", async () => {
    const solid = { ...size, depth: 3 };
    const views = new CaseViews({ ...options, limit: 3 });
    await views.addCase(testCase([0.7, 0.3, 0.5].map((dice, index) => testScores(`ct/00${index}`, 0.4, dice)), solid));
    expect(views.chosen().map(({ scores, slice }) => [scores.id, slice])).toEqual([["ct/001", undefined], ["ct/002", undefined], ["ct/000", undefined]]);
  });

  it("shows of large images the part that changes most, and is small", async () => {
    const large = { ...size, height: 300, width: 700 };
    const views = new CaseViews(options);
    const first = testStep(1, large);
    const last = { ...first, t: 0, y0Hat: first.y0Hat.map((value, index) => (Math.floor(index / 700) > 250 && index % 700 > 650 ? 0.75 : value)) };
    for (const step of [first, last]) views.addStep(step, 0);
    await views.addCase(testCase([testScores("a", 0.5, 0.6)], large));
    const [{ film, pictures }] = views.chosen() as [ReturnType<CaseViews["chosen"]>[0]];
    expect([film!.detail, film!.sheet.width, film!.sheet.height]).toEqual([160, 320, 320]);
    const { data } = await pixels(film!.sheet.source);
    expect(data.at(-1)).toBe(191); // the corner at the bottom right, ¾ white
    expect(Math.max(...pictures.flatMap(({ width, height }) => [width, height]))).toBe(640);
  });
});
