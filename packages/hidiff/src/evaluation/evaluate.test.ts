import { Generator } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { LabelStack, SegmentationCase, SegmentationDataset } from "@hidiff/datasets";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { ballCase, labelArray } from "../testing/stacks.ts";
import { tinyArchitecture, tinyInference } from "../testing/tiny.ts";
import { type EvaluatedCase, type EvaluateOptions, evaluateDataset } from "./evaluate.ts";

beforeAll(useTestBackend);

const flat = { depth: 1, height: 32, width: 32 };
const solid = { depth: 4, height: 20, width: 24 };
const spacing = [3, 0.5, 1] as const;

function dataset(load: (id: string) => SegmentationCase, { classes = 1, imageChannels = 1 } = {}): SegmentationDataset {
  return {
    name: "balls",
    imageChannels,
    classes,
    classNames: classes === 1 ? ["ball"] : Array.from({ length: classes }, (_, label) => (label === 0 ? "background" : `ball ${label}`)),
    splits: { train: [], validation: [], test: ["a", "b", "c"] },
    preprocessing: [],
    depthOf: (id) => load(id).image.depth,
    load: (id) => Promise.resolve(load(id)),
  };
}

/** Images of which only the upper half counts. */
const photographs = dataset((id) => ({ ...ballCase(id, flat), fieldOfView: labelArray(upperHalf(), flat) }));
const volumes = dataset((id) => ballCase(id, solid, { classes: 3, spacing }), { classes: 3 });

function upperHalf(): Uint8Array {
  return new Uint8Array(32 * 32).fill(1, 0, 32 * 16);
}

/** A model whose masks have some of every class. */
function tinyModel(classes = 1): HybridModel {
  const model = new HybridModel(tinyArchitecture({ classes, diffusion: { target: "y0" } }), new Generator(4));
  const generator = new Generator("parameters");
  for (const network of [model.segmentor, model.refiner]) {
    const state = [...network.stateDict()].map(([name, { shape, data }]) => {
      const changed = name.includes("running") ? data : data.map((value) => value + generator.normal(0, 0.3));
      return [name, { shape, data: changed }] as const;
    });
    network.loadStateDict(new Map(state));
  }
  return model;
}

async function evaluate(model: HybridModel, data: SegmentationDataset, changes: Partial<EvaluateOptions> = {}) {
  const evaluated: EvaluatedCase[] = [];
  const options: EvaluateOptions = { ...tinyInference(), split: "test", seed: 3, onCase: (found) => void evaluated.push(found), ...changes };
  const report = await noLeak(() => evaluateDataset(model, data, options));
  return { report, evaluated, options };
}

/** By definition, within a region. */
function dice(mask: Uint8Array, truth: Uint8Array, label: number, region?: Uint8Array): number {
  let [both, sum] = [0, 0];
  mask.forEach((value, index) => {
    if (region?.[index] === 0) return;
    both += Number(value === label && truth[index] === label);
    sum += Number(value === label) + Number(truth[index] === label);
  });
  return sum === 0 ? 1 : (2 * both) / sum;
}

/** HD95 and ASSD by definition: all pairs of surface voxels. */
function surfaces(mask: Uint8Array, truth: Uint8Array, label: number, [depth, height, width]: readonly [number, number, number]) {
  const surface = (labels: Uint8Array): number[][] => {
    const at = (z: number, y: number, x: number): boolean =>
      z >= 0 && z < depth && y >= 0 && y < height && x >= 0 && x < width && labels[(z * height + y) * width + x] === label;
    const found: number[][] = [];
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const inner = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].every(([a, b, c]) => at(z + a!, y + b!, x + c!) && at(z - a!, y - b!, x - c!));
          if (at(z, y, x) && !inner) found.push([z * spacing[0], y * spacing[1], x * spacing[2]]);
        }
      }
    }
    return found;
  };
  const [a, b] = [surface(mask), surface(truth)];
  if (a.length === 0 || b.length === 0) {
    const value = a.length === b.length ? 0 : undefined;
    return { hd95: value, assd: value };
  }
  const nearest = (from: number[][], to: number[][]): number[] => from.map((p) => Math.min(...to.map((q) => Math.hypot(...p.map((value, axis) => value - q[axis]!)))));
  const pooled = [...nearest(a, b), ...nearest(b, a)].sort((x, y) => x - y);
  const place = 0.95 * (pooled.length - 1);
  const low = Math.floor(place);
  const hd95 = pooled[low]! + (place - low) * ((pooled[low + 1] ?? pooled[low]!) - pooled[low]!);
  return { hd95, assd: pooled.reduce((sum, value) => sum + value, 0) / pooled.length };
}

function voxels({ depth, height, width, slice }: LabelStack): Uint8Array {
  return Uint8Array.from(Array.from({ length: depth }, (_, index) => [...slice(index)]).flat().slice(0, depth * height * width));
}

describe("evaluateDataset", () => {
  it("has the values outside of volumes that the model was trained with", async () => {
    const model = tinyModel(3);
    const labels = async (outside: number, changes: Partial<EvaluateOptions> = {}): Promise<Uint8Array[]> => {
      const lying = dataset((id) => {
        const found = ballCase(id, solid, { classes: 3, spacing });
        return { ...found, image: { ...found.image, outside: [outside] } };
      }, { classes: 3 });
      return (await evaluate(model, lying, changes)).evaluated.map(({ segmentation }) => segmentation.priorLabels);
    };
    const expected = await labels(-5);
    expect(await labels(5, { outside: -5 })).toEqual(expected);
    expect(await labels(5)).not.toEqual(expected);
    model.dispose();
  });

  it("refuses channels in another order", async () => {
    const model = new HybridModel(tinyArchitecture({ imageChannels: 2 }), new Generator(4));
    const named = { ...dataset((id) => ballCase(id, flat), { imageChannels: 2 }), channelNames: ["FLAIR", "T1"] };
    const options: EvaluateOptions = { ...tinyInference(), split: "test", seed: 3 };
    await expect(evaluateDataset(model, named, { ...options, channelNames: ["t1", "flair"] })).rejects.toMatchObject({
      code: "evaluate.channels",
      message: expect.stringMatching(/takes the channels t1, flair, in this order, but those of balls are FLAIR, T1/),
    });
    // The same names are no matter of case, and without names there is nothing to compare: then it is about what is read.
    for (const channelNames of [["flair", "t1"], undefined]) {
      await expect(evaluateDataset(model, named, { ...options, channelNames })).rejects.toMatchObject({ code: "segment.channels" });
    }
    model.dispose();
  });

  it("scores prior and refined masks of photographs inside the field of view, the same every time", async () => {
    const model = tinyModel();
    const { report, evaluated, options } = await evaluate(model, photographs);
    expect(report).toMatchObject({ dataset: "balls", split: "test", seed: 3, protocol: "case", region: "field-of-view", skipped: [] });
    expect(report.classes).toEqual([{ label: 1, name: "ball" }]);
    expect(report.cases.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    for (const [index, { id, segmentation, truth, region, scores }] of evaluated.entries()) {
      expect(truth).toEqual(voxels(ballCase(id, flat).labels));
      expect(region).toEqual(upperHalf());
      expect(scores).toEqual([report.cases[index]]);
      expect(report.cases[index]!.refined.dice).toBeCloseTo(dice(segmentation.labels, truth, 1, region), 12);
      expect(report.cases[index]!.prior.dice).toBeCloseTo(dice(segmentation.priorLabels, truth, 1, region), 12);
    }
    const mean = report.cases.reduce((sum, { refined }) => sum + refined.dice!, 0) / 3;
    expect(report.refined.dice.mean).toBeCloseTo(mean, 12);
    expect(report.perClass[0]!.refined).toEqual(report.refined);
    expect(await evaluateDataset(model, photographs, options)).toEqual(report);
    model.dispose();
  });

  it("scores everywhere on request", async () => {
    const model = tinyModel();
    const { report, evaluated } = await evaluate(model, photographs, { region: "all" });
    for (const [index, { segmentation, truth, region }] of evaluated.entries()) {
      expect(region).toBeUndefined();
      expect(report.cases[index]!.refined.dice).toBeCloseTo(dice(segmentation.labels, truth, 1), 12);
    }
    model.dispose();
  });

  it("scores volumes in space, organ by organ, in millimetres, as brute force does", async () => {
    const model = tinyModel(3);
    const { report, evaluated } = await evaluate(model, volumes);
    let compared = 0;
    for (const [index, { segmentation, truth }] of evaluated.entries()) {
      const scores = report.cases[index]!;
      for (const [which, labels] of [["prior", segmentation.priorLabels], ["refined", segmentation.labels]] as const) {
        for (const { label, name, [which]: metrics } of scores.perClass) {
          expect(name).toBe(`ball ${label}`);
          expect(metrics.dice).toBeCloseTo(dice(labels, truth, label), 12);
          const { hd95, assd } = surfaces(labels, truth, label, [4, 20, 24]);
          if (hd95 === undefined) expect([metrics.hausdorffDistance95, metrics.averageSymmetricSurfaceDistance]).toEqual([undefined, undefined]);
          else {
            expect(metrics.hausdorffDistance95).toBeCloseTo(hd95, 9);
            expect(metrics.averageSymmetricSurfaceDistance).toBeCloseTo(assd!, 9);
            compared += Number(hd95 > 0);
          }
        }
        expect(scores[which].dice).toBeCloseTo((scores.perClass[0]![which].dice! + scores.perClass[1]![which].dice!) / 2, 12);
      }
    }
    expect(compared).toBeGreaterThan(3);
    const second = report.cases.map(({ perClass }) => perClass[1]!.refined.dice!);
    expect(report.perClass[1]!.refined.dice.mean).toBeCloseTo((second[0]! + second[1]! + second[2]!) / 3, 12);
    model.dispose();
  });

  it("takes every slice for a case on request, empty ones by the metrics' policy", async () => {
    const model = new HybridModel(tinyArchitecture({ classes: 3 }), new Generator(4)); // untrained: much is of one class
    const { report, evaluated } = await evaluate(model, volumes, { protocol: "slice", surface: false });
    expect(report.cases).toHaveLength(3 * 4);
    expect(report.cases[5]!.id).toBe("b/001");
    const pixels = 20 * 24;
    let empty = 0;
    for (const [index, scores] of report.cases.entries()) {
      const { segmentation, truth, scores: own } = evaluated[Math.floor(index / 4)]!;
      expect(own[index % 4]).toEqual(scores);
      const slice = (labels: Uint8Array): Uint8Array => labels.subarray((index % 4) * pixels, ((index % 4) + 1) * pixels);
      for (const { label, refined } of scores.perClass) {
        expect(refined.dice).toBeCloseTo(dice(slice(segmentation.labels), slice(truth), label), 12);
        if (!slice(segmentation.labels).includes(label) && !slice(truth).includes(label)) {
          expect(refined.dice).toBe(1);
          empty++;
        }
      }
    }
    expect(empty).toBeGreaterThan(0);
    model.dispose();
  });

  it("scores the small objects of the truth, and counts those that are found", async () => {
    const model = tinyModel();
    // Two dots and a block; the dots are small. The right half does not count.
    const data = dataset((id) => {
      const labels = new Uint8Array(32 * 32);
      for (const [row, column, side] of [[2, 3, 2], [9, 9, 1], [20, 4, 8], [5, 25, 2]] as const) {
        for (let y = 0; y < side; y++) labels.fill(1, (row + y) * 32 + column, (row + y) * 32 + column + side);
      }
      const fieldOfView = Uint8Array.from({ length: 1024 }, (_, pixel) => Number(pixel % 32 < 16));
      return { ...ballCase(id, flat), labels: labelArray(labels, flat), fieldOfView: labelArray(fieldOfView, flat) };
    });
    const { report, evaluated } = await evaluate(model, data, { smallObjects: { sizeThreshold: 10 } });
    const touched = evaluated.map(({ segmentation: { labels } }) => [[2 * 32 + 3, 2 * 32 + 4, 3 * 32 + 3, 3 * 32 + 4], [9 * 32 + 9]].filter((pixels) => pixels.some((pixel) => labels[pixel] === 1)).length);
    for (const [index, { perClass }] of report.cases.entries()) {
      expect(perClass[0]!.smallObjects!.refined).toMatchObject({ count: 2, detectedCount: touched[index] });
    }
    const { prior, refined } = report.perClass[0]!.smallObjects!;
    expect([prior.count, refined.count]).toEqual([6, 6]);
    expect(refined.detectedCount).toBe(touched[0]! + touched[1]! + touched[2]!);
    expect(Object.keys(refined.metrics)).toEqual(expect.arrayContaining(["dice", "recall", "hausdorffDistance95"]));
    const without = await evaluate(model, data);
    expect(without.report.perClass[0]).not.toHaveProperty("smallObjects");
    model.dispose();
  });

  it("evaluates on another data set whose classes are mapped", async () => {
    const model = tinyModel(3);
    const theirs: SegmentationDataset = { ...dataset((id) => ballCase(id, solid, { classes: 4 }), { classes: 4 }), classNames: ["background", "x", "y", "z"] };
    await expect(evaluate(model, theirs, { classNames: ["background", "ball 1", "ball 2"] })).rejects.toMatchObject({ code: "evaluate.classes" });
    const { report, evaluated } = await evaluate(model, theirs, { classNames: ["background", "ball 1", "ball 2"], classMapping: { x: "ball 2", z: "ball 2" }, surface: false });
    expect(report.classes).toEqual([{ label: 2, name: "ball 2" }]);
    const own = voxels(ballCase("a", solid, { classes: 4 }).labels);
    expect(evaluated[0]!.truth).toEqual(own.map((label) => (label === 1 || label === 3 ? 2 : 0)));
    expect(evaluated[0]!.segmentation.labels.includes(1)).toBe(false);
    expect(report.cases[0]!.refined.dice).toBeCloseTo(dice(evaluated[0]!.segmentation.labels, evaluated[0]!.truth, 2), 12);
    model.dispose();
  });

  it("leaves out surface distances on request", async () => {
    const model = tinyModel();
    const names = async (surface: boolean): Promise<string[]> => Object.keys((await evaluate(model, photographs, { surface })).report.cases[0]!.refined);
    const [without, all] = [await names(false), await names(true)];
    expect(all).toEqual(expect.arrayContaining(without));
    expect(all.length).toBeGreaterThan(without.length);
    model.dispose();
  });

  describe("with a case that cannot be read", () => {
    /** "b" fails when it is loaded; with `late`, when its second slice is; with `values`, it has a voxel that is no number. */
    const broken = (how: "load" | "late" | "values"): SegmentationDataset =>
      dataset((id) => {
        const found = ballCase(id, solid);
        if (id !== "b") return found;
        const error = new HidiffError("datasets.volume", "b.nii.gz is cut short; copy it again.");
        if (how === "load") throw error;
        const slice = (index: number): Float32Array => {
          if (how === "late" && index === 1) throw error;
          return how === "values" ? found.image.slice(index).fill(Number.NaN, 7, 8) : found.image.slice(index);
        };
        return { ...found, image: { ...found.image, slice } };
      });

    it.each([
      ["load", /b\.nii\.gz/],
      ["late", /b\.nii\.gz/],
      ["values", /"b" of balls: .*NaN/],
    ] as const)("goes on without it on request (%s)", async (how, reason) => {
      const model = tinyModel();
      const skipped: string[] = [];
      const { report } = await evaluate(model, broken(how), { badCases: "skip", onBadCase: ({ id }) => skipped.push(id) });
      expect(report.cases.map(({ id }) => id)).toEqual(["a", "c"]);
      expect(report.skipped).toEqual([{ id: "b", reason: expect.stringMatching(reason) }]);
      expect(skipped).toEqual(["b"]);
      await expect(evaluate(model, broken(how))).rejects.toThrow(reason);
      model.dispose();
    });

    it("fails where none is left, and at what is no matter of files", async () => {
      const model = tinyModel();
      const all = dataset(() => {
        throw new HidiffError("datasets.volume", "torn");
      });
      await expect(evaluate(model, all, { badCases: "skip" })).rejects.toMatchObject({ code: "evaluate.empty", message: expect.stringContaining("torn") });
      const mistake = dataset(() => {
        throw new TypeError("a mistake");
      });
      await expect(evaluate(model, mistake, { badCases: "skip" })).rejects.toThrow(TypeError);
      const stop = (): never => {
        throw new HidiffError("file.write", "the disk is full");
      };
      await expect(evaluate(model, volumesOfOne, { badCases: "skip", onCase: stop })).rejects.toMatchObject({ code: "file.write" });
      model.dispose();
    });
  });

  it("refuses a split without images, other channels, labels out of range and labels of another size", async () => {
    const model = tinyModel();
    await expect(evaluate(model, photographs, { split: "train" })).rejects.toMatchObject({ code: "evaluate.empty", message: expect.stringContaining('"train" of balls') });
    await expect(evaluate(model, dataset((id) => ballCase(id, flat), { imageChannels: 3 }))).rejects.toMatchObject({
      code: "evaluate.channels",
      message: expect.stringMatching(/1 channel\(s\), but those of balls have 3/),
    });
    await expect(evaluate(model, dataset((id) => ballCase(id, flat, { classes: 4 })))).rejects.toMatchObject({ code: "datasets.labels", message: expect.stringContaining('"a" of balls has the label') });
    const other = dataset((id) => ({ ...ballCase(id, flat), labels: ballCase(id, solid).labels }));
    await expect(evaluate(model, other)).rejects.toMatchObject({ code: "datasets.size", message: expect.stringContaining("1×32×32, but its labels are 4×20×24") });
    model.dispose();
  });
});

const volumesOfOne = dataset((id) => ballCase(id, flat));

describe("a data set with priors", () => {
  /** Truth with a pixel of noise. */
  const withPrior = (id: string, order: readonly number[]): SegmentationCase => {
    const found = ballCase(id, solid, { classes: 3, spacing });
    const prior = {
      ...found.image,
      channels: 3,
      outside: [1, 0, 0],
      slice: (index: number) => {
        const labels = found.labels.slice(index);
        return Float32Array.from({ length: 3 * labels.length }, (_, i) => Number(order[i % 3] === (Math.floor(i / 3) % 9 === 0 ? 0 : labels[Math.floor(i / 3)])));
      },
    };
    return { ...found, prior };
  };
  const masksModel = (): HybridModel => new HybridModel({ ...tinyArchitecture({ classes: 3 }), segmentor: { name: "masks", options: { featureWidth: 2 } } }, new Generator(4));

  it("has them scored as the segmentor's own masks", async () => {
    const model = masksModel();
    const { report, evaluated } = await evaluate(model, dataset((id) => withPrior(id, [0, 1, 2]), { classes: 3 }));
    for (const [index, { perClass }] of report.cases.entries()) {
      const { truth } = evaluated[index]!;
      const given = truth.map((label, voxel) => ((voxel % (20 * 24)) % 9 === 0 ? 0 : label));
      expect(evaluated[index]!.segmentation.priorLabels).toEqual(given);
      expect(perClass.map(({ prior }) => prior.dice)).toEqual([1, 2].map((label) => expect.closeTo(dice(given, truth, label), 12)));
    }
    model.dispose();
  });

  it("with its classes in another order has its priors in the model's", async () => {
    const model = masksModel();
    const own = dataset((id) => withPrior(id, [0, 1, 2]), { classes: 3 });
    const { report } = await evaluate(model, own);
    const swapped = (labels: LabelStack): LabelStack => ({ ...labels, slice: (index) => labels.slice(index).map((label) => [0, 2, 1][label]!) });
    const other: SegmentationDataset = {
      ...dataset((id) => ({ ...withPrior(id, [0, 2, 1]), labels: swapped(ballCase(id, solid, { classes: 3, spacing }).labels) }), { classes: 3 }),
      classNames: ["background", "ball 2", "ball 1"],
    };
    const changes = { classNames: ["background", "ball 1", "ball 2"] };
    const across = await evaluate(model, other, changes);
    expect(across.report.cases.map(({ perClass }) => perClass)).toEqual(report.cases.map(({ perClass }) => perClass));
    // A class that is not scored is refined all the same.
    const some = await evaluate(model, other, { ...changes, classes: ["ball 2"] });
    expect(some.report.cases.map(({ perClass }) => perClass[0])).toEqual(report.cases.map(({ perClass }) => perClass[1]));
    model.dispose();
  });

  it("has its priors left aside by a model that computes its own", async () => {
    const model = tinyModel(3);
    const { report } = await evaluate(model, dataset((id) => withPrior(id, [0, 1, 2]), { classes: 3 }));
    expect(report).toEqual((await evaluate(model, volumes)).report);
    model.dispose();
  });

  it("needs them on the grids of their images", async () => {
    const model = masksModel();
    const data = dataset((id) => ({ ...withPrior(id, [0, 1, 2]), prior: { ...withPrior(id, [0, 1, 2]).prior!, height: 19 } }), { classes: 3 });
    await expect(evaluate(model, data)).rejects.toMatchObject({ code: "datasets.size", message: expect.stringContaining("its prior is 4×19×24") });
    model.dispose();
  });
});
