import { prepareSamples, type SegmentationDataset } from "@hidiff/datasets";
import { connectedComponents } from "@hidiff/metrics";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import type { HybridModel } from "../model/hybrid-model.ts";
import { arrayStack, ballCase, noiseStack } from "../testing/stacks.ts";
import { randomModel, tinyArchitecture, tinyInference } from "../testing/tiny.ts";
import { labelMap } from "./labels.ts";
import { segmentStack, type SegmentStackOptions } from "./segment-stack.ts";
import { segment } from "./segment.ts";

beforeAll(useTestBackend);

const size = { depth: 3, height: 20, width: 40 };
const classes = 3;

function options(changes: Partial<SegmentStackOptions> = {}): SegmentStackOptions {
  return { ...tinyInference(), seed: 5, preprocessing: [], ...changes };
}

function newModel(modelClasses = classes): HybridModel {
  return randomModel(tinyArchitecture({ classes: modelClasses }));
}

describe("segmentStack", () => {
  it("segments slice by slice: each as segment does with the seed of its place, whatever the others are", async () => {
    const model = newModel();
    const stack = noiseStack(size);
    const result = await noLeak(() => segmentStack(model, stack, options({ maps: ["probability", "prior", "uncertainty"], samples: 2 })));
    expect(result).toMatchObject({ ...size, classes });
    const pixels = size.height * size.width;
    for (let index = 0; index < size.depth; index++) {
      const image = { height: size.height, width: size.width, channels: 1, data: stack.slice(index), outside: [0] };
      const alone = await segment(model, image, { ...tinyInference({ samples: 2 }), seed: `5/slice/${index}` });
      expect(result.labels.subarray(index * pixels, (index + 1) * pixels)).toEqual(alone.mask);
      expect(result.priorLabels.subarray(index * pixels, (index + 1) * pixels)).toEqual(alone.priorMask);
      expect(result.probability!.slice(index)).toEqual(alone.probability);
      expect(result.prior!.slice(index)).toEqual(alone.prior);
      expect(result.uncertainty!.slice(index)).toEqual(alone.uncertainty);
    }
    // Other neighbours, the same slice.
    const other = await segmentStack(model, { ...stack, slice: (index) => stack.slice(index === 1 ? 1 : 0) }, options({ samples: 2 }));
    expect(other.labels.subarray(pixels, 2 * pixels)).toEqual(result.labels.subarray(pixels, 2 * pixels));
    model.dispose();
  });

  it("of one slice is segment itself", async () => {
    const model = newModel();
    const stack = noiseStack({ ...size, depth: 1 });
    const image = { height: size.height, width: size.width, channels: 1, data: stack.slice(0), outside: [0] };
    const [whole, alone] = [await segmentStack(model, stack, options()), await segment(model, image, { ...tinyInference(), seed: 5 })];
    expect(whole.labels).toEqual(alone.mask);
    expect(whole).toMatchObject({ probability: undefined, uncertainty: undefined, prior: undefined });
    model.dispose();
  });

  it("preprocesses, and brings labels and maps back to the image's own grid", async () => {
    const model = newModel();
    const stack = noiseStack({ ...size, height: 24, width: 44 });
    const preprocessing = [
      { step: "crop-border", pixels: 4 },
      { step: "resize", height: 32, width: 32, image: "cubic" },
    ] as const;
    const result = await segmentStack(model, stack, options({ preprocessing, maps: ["probability"] }));
    expect(result).toMatchObject({ depth: 3, height: 24, width: 44 });
    const border = (row: number, column: number): boolean => row < 4 || row >= 20 || column < 4 || column >= 40;
    const inside = new Set<number>();
    for (let index = 0; index < 3; index++) {
      const probability = result.probability!.slice(index);
      expect(probability).toHaveLength(24 * 44 * classes);
      for (let pixel = 0; pixel < 24 * 44; pixel++) {
        const label = result.labels[index * 24 * 44 + pixel]!;
        if (!border(Math.floor(pixel / 44), pixel % 44)) inside.add(label);
        else {
          // What was cut off is background.
          expect(label).toBe(0);
          expect([...probability.subarray(pixel * classes, (pixel + 1) * classes)]).toEqual([1, 0, 0]);
        }
      }
    }
    expect(inside.size).toBeGreaterThan(1);
    model.dispose();
  });

  it("fills what lies outside of the image with its own value", async () => {
    const model = newModel();
    const stack = noiseStack({ ...size, depth: 1 });
    const prior = async (outside: number): Promise<Float32Array> => (await segmentStack(model, { ...stack, outside: [outside] }, options({ maps: ["prior"] }))).prior!.slice(0);
    expect(await prior(0)).not.toEqual(await prior(3));
    model.dispose();
  });

  it("keeps the largest component of each class in space", async () => {
    const model = newModel();
    const stack = noiseStack(size);
    const [all, kept] = [await segmentStack(model, stack, options()), await segmentStack(model, stack, options({ keepLargestComponent: true }))];
    for (const [before, after] of [[all.labels, kept.labels], [all.priorLabels, kept.priorLabels]] as const) {
      for (let label = 1; label < classes; label++) {
        const found = (labels: Uint8Array): readonly number[] => connectedComponents(labels.map((value) => Number(value === label)), { shape: [3, 20, 40] }).sizes;
        if (found(before).length === 0) continue;
        expect(found(after)).toEqual([Math.max(...found(before))]);
      }
    }
    const depths = new Set([...kept.labels.keys()].filter((voxel) => kept.labels[voxel] !== 0).map((voxel) => Math.floor(voxel / 800)));
    expect(depths.size).toBeGreaterThan(1);
    model.dispose();
  });

  it("tells steps with their slice, and its progress over all slices", async () => {
    const model = newModel();
    const steps: string[] = [];
    const fractions: number[] = [];
    await segmentStack(model, noiseStack(size), {
      ...options({ flips: true }),
      onStep: ({ t, height, width, y0Hat }, slice) => {
        steps.push(`${slice}:${t}`);
        expect(y0Hat).toHaveLength(height * width * classes);
      },
      onProgress: (fraction) => void fractions.push(fraction),
    });
    expect(steps).toEqual([0, 1, 2].flatMap((slice) => [2, 1, 0].map((t) => `${slice}:${t}`)));
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    model.dispose();
  });

  it("refuses other channels, and numbers that are none, naming the slice", async () => {
    const model = newModel();
    await expect(segmentStack(model, noiseStack({ ...size, channels: 4 }), options())).rejects.toMatchObject({
      code: "segment.channels",
      message: expect.stringMatching(/takes images with 1 channel\(s\), got 4/),
    });
    const voxels = new Float32Array(3 * 800);
    voxels[800 + 45] = Number.NaN;
    await expect(noLeak(() => segmentStack(model, arrayStack(voxels, size), options()).catch((error: unknown) => Promise.resolve(error)))).resolves.toMatchObject({
      code: "segment.values",
      message: expect.stringMatching(/Slice 1: .*NaN at row 1, column 5/),
    });
    model.dispose();
  });
});

it("gives the networks the numbers that they were trained on", async () => {
  const model = newModel();
  const grid = { depth: 5, height: 70, width: 64 };
  const volume = { ...ballCase("a", grid, { classes, spacing: [2, 1, 1] }) };
  const data: SegmentationDataset = {
    name: "balls",
    imageChannels: 1,
    classes,
    classNames: ["background", "one", "two"],
    splits: { train: ["a"], validation: [], test: [] },
    preprocessing: [
      { step: "percentile", low: 1, high: 99, region: "all", to: [-1, 1] },
      { step: "resample", spacing: [1.5, null, null], image: "linear" },
      { step: "crop-border", pixels: 2 },
      { step: "resize", height: 32, width: 64, image: "cubic" },
      { step: "z-score", region: "all" },
    ],
    depthOf: () => grid.depth,
    load: () => Promise.resolve(volume),
  };
  const samples = await prepareSamples(data);
  const forward = vi.spyOn(model.segmentor, "forward");
  const seen: Float32Array[] = [];
  forward.mockImplementation((image, mode) => {
    seen.push(image.dataSync() as Float32Array);
    return Object.getPrototypeOf(model.segmentor).forward.call(model.segmentor, image, mode);
  });
  await segmentStack(model, volume.image, options({ preprocessing: data.preprocessing }));
  expect(samples.splits.train).toHaveLength(7);
  expect(seen).toEqual(await Promise.all(samples.splits.train.map(async (id) => (await samples.load(id)).image)));
  model.dispose();
});

it("labels and probabilities agree where nothing was resampled", async () => {
  const model = newModel();
  const result = await segmentStack(model, noiseStack(size), options({ maps: ["probability"] }));
  for (let index = 0; index < size.depth; index++) {
    expect(result.labels.subarray(index * 800, (index + 1) * 800)).toEqual(labelMap(result.probability!.slice(index), classes));
  }
  model.dispose();
});
