import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { Generator, selectBackend } from "@hidiff/core-tensor";
import { datasetRegistry } from "@hidiff/datasets/node";
import { createSegmentor, segmentorNames } from "@hidiff/segmentors";
import { beforeAll, describe, expect, it } from "vitest";
import { registerModelSegmentors } from "../external/register.ts";
import { datasetOptionSchemas } from "./dataset-options.ts";
import { configurationJsonSchema, type JsonSchema } from "./json-schema.ts";
import { preset, presetNames } from "./presets.ts";
import { configurationProblems } from "./problems.ts";
import { configurationSchema } from "./schema.ts";
import { segmentorOptionSchemas } from "./segmentor-options.ts";

const schema = configurationJsonSchema();
const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, strictTypes: false, strictRequired: false }).compile(schema);
const errorsOf = (value: unknown): unknown[] => (validate(value) ? [] : validate.errors!);

describe("the JSON Schema", () => {
  it("is the published file; packages/hidiff/scripts/write-configuration-schema.ts writes it", () => {
    const published = readFileSync(new URL("../../schema/configuration.schema.json", import.meta.url), "utf8");
    expect(JSON.parse(published)).toEqual(schema);
  });

  it.each(presetNames)("accepts the preset %s, as it is written and with all defaults", (name) => {
    expect(errorsOf(preset(name))).toEqual([]);
    expect(errorsOf(configurationSchema.parse(preset(name)))).toEqual([]);
  });

  it("accepts its own address in a file", () => {
    const value = { $schema: "configuration.schema.json", dataset: { name: "drive" } };
    expect(errorsOf(value)).toEqual([]);
    expect(configurationProblems(value)).toEqual([]);
  });

  const dataset = { name: "drive", root: "data" };
  it.each([
    { dataset, trainig: {} },
    { dataset, training: { batchsize: 3 } },
    { dataset, training: { batchSize: "3" } },
    { dataset, training: { batchSize: 0 } },
    { dataset, training: { batchSize: 2.5 } },
    { dataset, training: { cropSize: 100 } },
    { dataset, training: { averageDecay: 1 } },
    { dataset, training: { augmentation: "rgbs" } },
    { dataset, training: { augmentation: { affine: { rotatoin: 3 } } } },
    { dataset, training: { augmentation: { affine: { scale: [1] } } } },
    { dataset, training: { data: { cacheFolder: true } } },
    { dataset, training: { initialWeights: { segmentor: "" } } },
    { dataset, inference: { window: 100 } },
    { dataset, inference: { overlap: 1 } },
    { dataset, inference: { sampler: "dim" } },
    { dataset, architecture: { diffusion: { schedule: "cosin" } } },
    { dataset, architecture: { segmentor: "unet" } },
    { dataset, architecture: { segmentor: { options: { depth: 9 } } } },
    { dataset, architecture: { segmentor: { name: "unet", options: { basewidth: 8 } } } },
    { dataset, architecture: { segmentor: { name: "onnx", options: {} } } },
    { dataset, architecture: { segmentor: { name: "swin-unet", options: { depths: [2, 2] } } } },
    { dataset, preprocessing: [{ step: "windw" }] },
    { dataset, preprocessing: [{ step: "window", center: 1, width: 2 }] },
    { dataset: { ...dataset, observers: 2 } },
    { dataset: { ...dataset, observer: 3 } },
    { dataset: { name: "folder", split: { train: 3 } } },
    { dataset: { name: "msd", plane: "oblique" } },
    { dataset: { name: "cvc-clinicdb", test: 2 } },
    { dataset: {} },
    { dataset: "drive" },
    { training: {} },
    [],
    null,
    "text",
  ])("refuses what zod refuses: %j", (value) => {
    expect(errorsOf(value)).not.toEqual([]);
    expect(configurationProblems(value)).not.toEqual([]);
  });

  it("refuses names that the command does not know", () => {
    expect(errorsOf({ dataset: { name: "drvie" } })).not.toEqual([]);
    expect(errorsOf({ dataset, architecture: { segmentor: { name: "u-net" } } })).not.toEqual([]);
  });

  it("describes every field of a configuration", () => {
    const undescribed = (node: JsonSchema, path: string): string[] =>
      Object.entries(node.properties ?? {}).flatMap(([name, field]) => [
        ...(field.description === undefined ? [`${path}${name}`] : []),
        ...[field, ...(field.anyOf ?? [])].flatMap((choice) => undescribed(choice, `${path}${name}.`)),
      ]);
    expect(undescribed(schema, "")).toEqual([]);
  });
});

describe("the options of data sets", () => {
  it("are those that the loaders take", () => {
    const taken = Object.fromEntries([...datasetRegistry.entries()].map(([name, { options }]) => [name, [...options].sort()]));
    const told = Object.fromEntries(Object.entries(datasetOptionSchemas).map(([name, { shape }]) => [name, Object.keys(shape).sort()]));
    expect(told).toEqual(taken);
  });
});

describe("the options of segmentors", () => {
  beforeAll(async () => {
    await selectBackend({ prefer: "cpu" });
    registerModelSegmentors();
  });
  const base = { imageChannels: 1, classes: 1 };
  const make = (name: string, options: object): unknown => createSegmentor(name, { ...base, ...options }, new Generator(0));

  it("are told of all segmentors", () => {
    expect(Object.keys(segmentorOptionSchemas).sort()).toEqual(segmentorNames().sort());
  });

  it.each(["unet", "transunet", "swin-unet", "attention-unet", "residual-unet", "masks"])("of %s are those that it takes", (name) => {
    expect(() => make(name, { unknown: 1 })).toThrow(/It takes: /);
    try {
      make(name, { unknown: 1 });
    } catch (error) {
      const taken = /It takes: (.*)\.$/.exec((error as Error).message)![1]!.split(", ");
      expect(["imageChannels", "classes", ...Object.keys(segmentorOptionSchemas[name]!.shape)].sort()).toEqual(taken.sort());
    }
  });

  it.each(["onnx", "tfjs"])("of %s are those that it takes", (name) => {
    const { shape } = segmentorOptionSchemas[name]!;
    const everything = { featureWidth: 8, model: "m", activation: "none", layout: "auto", input: "a", output: "b", scale: 1, offset: 0, mean: 0, std: [1], multipleOf: 4 };
    expect(Object.keys(shape).sort()).toEqual(Object.keys(everything).sort());
    expect(segmentorOptionSchemas[name]!.safeParse(everything).success).toBe(true);
    expect(() => make(name, everything)).not.toThrow();
    expect(() => make(name, { ...everything, unknown: 1 })).toThrow(/unknown/);
  });

  it.each([
    ["unet", { baseWidth: 4 }],
    ["swin-unet", { embedDimension: 24 }],
    ["attention-unet", { baseWidth: 4 }],
    ["residual-unet", { baseWidth: 4, maximumWidth: 8 }],
  ])("of %s have the defaults that are told", (name, small) => {
    const { options } = make(name, small) as { options: Record<string, unknown> };
    const told = segmentorOptionSchemas[name]!.parse(small) as Record<string, unknown>;
    expect(options).toMatchObject(told);
  });
});
