import { describe, expect, it } from "vitest";
import { z } from "zod";
import { preprocessingSchema } from "../preprocessing/schema.ts";
import { parse } from "./parse.ts";

function messageOf(schema: z.ZodType, value: unknown): string {
  try {
    parse(schema, value, "file.yaml");
  } catch (error) {
    expect(error).toMatchObject({ name: "HidiffError", code: "config.invalid" });
    return (error as Error).message;
  }
  throw new Error("The value was accepted.");
}

describe("parse of preprocessing", () => {
  it("fills in the defaults, and takes its own result", () => {
    const steps = [{ step: "scale" }, { step: "percentile" }, { step: "resize", height: 4, width: 5 }, { step: "crop-foreground" }];
    const once = parse(preprocessingSchema, steps, "x");
    expect(once).toEqual([
      { step: "scale", from: "range", to: [-1, 1] },
      { step: "percentile", low: 0.5, high: 99.5, region: "all", to: [0, 1] },
      { step: "resize", height: 4, width: 5, image: "cubic" },
      { step: "crop-foreground", above: 0, margin: 0 },
    ]);
    expect(parse(preprocessingSchema, once, "x")).toEqual(once);
  });

  it.each([
    { value: [{ step: "zscore" }], parts: ['0.step: "zscore" is not one of scale, clip, window,', 'Did you mean "z-score"?'] },
    { value: [{ step: "scale" }, { step: "cropborder", pixels: 8 }], parts: ['1.step: "cropborder"', 'Did you mean "crop-border"?'] },
    { value: [{ pixels: 8 }], parts: ["0.step: missing; it must be one of scale, clip"] },
    { value: [{ step: "z-score", regoin: "all" }], parts: ['0.regoin is not an option. Did you mean "region"?'] },
    { value: [{ step: "clip", low: 0, hihg: 1 }], parts: ['0.hihg is not an option. Did you mean "high"?', "0.high: "] },
    { value: [{ step: "resize", height: 4, width: 4, image: "cubik" }], parts: ['0.image: "cubik" is not one of nearest, linear', 'Did you mean "cubic"?'] },
    { value: [{ step: "scale", from: "rang" }], parts: ['0.from: "rang" is not "range". Did you mean "range"?', "expected tuple"] },
    { value: [{ step: "clip", low: 2, high: 1 }], parts: ['0: "low" must be below "high", got 2 and 1'] },
    { value: [{ step: "scale", from: [3, 3] }], parts: ['0: "from" must be [low, high] with low below high, got [3, 3]'] },
    { value: [{ step: "percentile", low: 50, high: 50 }], parts: ['0: "low" must be below "high", got 50 and 50'] },
    { value: [{ step: "window", centre: 0, width: 2, to: [1, 1] }], parts: ['0: "to" must be two different numbers'] },
    { value: [{ step: "resample", spacing: [1, 0, null] }], parts: ["0.spacing.1: "] },
    { value: [5], parts: ["0: Invalid input: expected object"] },
    { value: null, parts: ["the whole: "] },
  ])("refuses $value", ({ value, parts }) => {
    const message = messageOf(preprocessingSchema, value);
    expect(message).toMatch(/^file\.yaml is not valid: /);
    for (const part of parts) expect(message).toContain(part);
  });

  it("does not suggest the keys of other steps", () => {
    expect(messageOf(preprocessingSchema, [{ step: "crop-border", pixels: 3, marginn: 1 }])).toMatch(/0\.marginn is not an option\.$/);
  });
});

describe("parse of nested schemas", () => {
  const schema = z.strictObject({
    preprocessing: preprocessingSchema.optional(),
    classes: z.record(z.string(), z.strictObject({ colour: z.string() })).default({}),
    pair: z.tuple([z.strictObject({ left: z.number() }), z.strictObject({ right: z.number() })]).optional(),
    files: z.union([z.string(), z.strictObject({ folder: z.string() })]).optional(),
  });

  it.each([
    { value: { preprocessing: [{ step: "z-score", regon: "all" }] }, part: 'preprocessing.0.regon is not an option. Did you mean "region"?' },
    { value: { classes: { liver: { colour: "red", color: "red" } } }, part: 'classes.liver.color is not an option. Did you mean "colour"?' },
    { value: { pair: [{ left: 1 }, { right: 1, rigth: 2 }] }, part: 'pair.1.rigth is not an option. Did you mean "right"?' },
    { value: { files: { folder: "a", foldr: "b" } }, part: 'files.foldr is not an option. Did you mean "folder"?' },
    { value: { files: 3 }, part: "files: Invalid input: expected string, received number or files: Invalid input: expected object, received number" },
  ])("names the place in $value", ({ value, part }) => {
    expect(messageOf(schema, value)).toContain(part);
  });

  it("shows of a union only the choice that an object can mean", () => {
    expect(messageOf(schema, { files: { foldr: "b" } })).not.toContain("expected string, received object");
  });
});
