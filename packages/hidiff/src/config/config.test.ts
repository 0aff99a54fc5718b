import { openDataset } from "@hidiff/datasets/node";
import { describe, expect, it } from "vitest";
import { parse } from "@hidiff/datasets";
import { preset, presetNames } from "./presets.ts";
import { type Configuration, configurationSchema } from "./schema.ts";

function parsed(value: unknown): Configuration {
  return parse(configurationSchema, value, "run.json") as Configuration;
}

function messageOf(value: unknown): string {
  try {
    parsed(value);
  } catch (error) {
    expect(error).toMatchObject({ code: "config.invalid" });
    return (error as Error).message;
  }
  throw new Error("The configuration was accepted.");
}

const dataset = { name: "drive" };

describe("a configuration", () => {
  it("needs a data set only; the defaults are the paper's", () => {
    expect(parsed({ dataset })).toMatchObject({
      dataset,
      architecture: {
        segmentor: { name: "unet", options: {} },
        refiner: { kind: "diffusion", baseWidth: 128, precision: "binary", crossTransformer: true, tokenOrder: "spatial" },
        diffusion: { kernel: "bernoulli", schedule: "cosine", steps: 10, target: "epsilon" },
      },
      training: {
        batchSize: 32,
        cropSize: 256,
        alternating: { iterations: 40_000, refinerLearningRate: 1e-4, segmentorLearningRate: 1e-4, freezeSegmentor: false },
        data: { slices: "all", badCases: "error" },
        diceWeight: 1,
        diffusionWeight: 1,
        focalWeight: 1,
        weightDecay: 0,
        averageDecay: 0.9999,
      },
    });
  });

  it("keeps the data set's own options", () => {
    expect(parsed({ dataset: { ...dataset, root: "data/DRIVE", validation: 2 } }).dataset).toEqual({ name: "drive", root: "data/DRIVE", validation: 2 });
  });

  it("leaves preprocessing and augmentation to the data set, or names and changes them", () => {
    expect(parsed({ dataset })).not.toHaveProperty("preprocessing");
    expect(parsed({ dataset }).training.augmentation).toBeUndefined();
    const preprocessing = [{ step: "window", centre: 75, width: 400, to: [0, 1] }] as const;
    const data = { workers: 0, slices: "foreground", cacheFolder: false, badCases: "skip" } as const;
    const changed = parsed({ dataset, preprocessing, training: { augmentation: "volume", data } });
    expect(changed).toMatchObject({ preprocessing, training: { augmentation: "volume", data } });
    expect(parsed({ dataset, training: { augmentation: { verticalFlip: false } } }).training.augmentation).toEqual({ verticalFlip: false });
  });

  it("parsed twice is the same", () => {
    const once = parsed({ dataset, preprocessing: [{ step: "scale" }], training: { augmentation: { affine: { rotation: 10 } } } });
    expect(parsed(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  it.each([
    { value: { dataset, trainig: {} }, message: 'trainig is not an option. Did you mean "training"?' },
    { value: { dataset, training: { bachSize: 4 } }, message: 'training.bachSize is not an option. Did you mean "batchSize"?' },
    { value: { dataset, training: { alternating: { iteration: 4 } } }, message: 'training.alternating.iteration is not an option. Did you mean "iterations"?' },
    { value: { dataset, architecture: { refiner: { width: 4 } } }, message: "architecture.refiner.width is not an option." },
    { value: { dataset, training: { augmentation: { horizontalFlipp: true } } }, message: 'Did you mean "horizontalFlip"?' },
    { value: { dataset, training: { augmentation: "rgbs" } }, message: 'training.augmentation: "rgbs" is not one of rgb, volume. Did you mean "rgb"?' },
    { value: { dataset, training: { data: { slices: "foregroud" } } }, message: 'training.data.slices: "foregroud" is not one of all, foreground. Did you mean "foreground"?' },
    { value: { dataset, training: { data: { worker: 1 } } }, message: 'training.data.worker is not an option. Did you mean "workers"?' },
    { value: { dataset, training: { data: { cacheFolder: true } } }, message: "training.data.cacheFolder: " },
    { value: { dataset, preprocessing: [{ step: "windw", centre: 1, width: 2 }] }, message: "preprocessing.0" },
    {
      value: { dataset, architecture: { diffusion: { schedule: "cosin" } } },
      message: 'architecture.diffusion.schedule: "cosin" is not one of cosine, cosine-squared, linear, linear-alpha-bar. Did you mean "cosine"?',
    },
    { value: { dataset, training: { cropSize: 100 } }, message: "training.cropSize: " },
    { value: { dataset, training: { batchSize: "4" } }, message: "training.batchSize: " },
    { value: { dataset, inference: { overlap: 1 } }, message: "inference.overlap: " },
    { value: { dataset, architecture: { diffusion: { kernel: "gaussian", target: "y0" } } }, message: 'takes the target "epsilon" only' },
    { value: {}, message: "dataset: " },
    { value: { dataset: {} }, message: "dataset.name: " },
    { value: "text", message: "the whole: " },
    { value: null, message: "the whole: " },
  ])("is refused as $value", ({ value, message }) => {
    expect(messageOf(value)).toMatch(/^run\.json is not valid: /);
    expect(messageOf(value)).toContain(message);
  });

  it("names every problem at once", () => {
    const message = messageOf({ dataset, training: { batchSize: 0, cropsize: 32 }, inference: { sampler: "ddimm" } });
    for (const part of ["training.batchSize", 'Did you mean "cropSize"?', 'Did you mean "ddim"?']) expect(message).toContain(part);
  });
});

describe("presets", () => {
  it.each(presetNames)("%s is valid", (name) => {
    expect(() => parsed(preset(name))).not.toThrow();
  });

  it("demo's data set exists", async () => {
    const { splits } = await openDataset(preset("demo").dataset as never);
    expect(splits.train.length).toBeGreaterThan(0);
  });

  it("are copies", () => {
    (preset("demo").dataset as { name: string }).name = "changed";
    expect(preset("demo").dataset.name).toBe("synthetic-fundus");
  });

  it("suggests a name for an unknown one", () => {
    expect(() => preset("drive-smal")).toThrow(/Did you mean "drive-small"\? Known: /);
    expect(() => preset("drive-smal")).toThrow(expect.objectContaining({ code: "config.preset" }));
  });
});
