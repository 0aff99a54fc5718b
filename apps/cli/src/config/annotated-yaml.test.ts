import { configurationJsonSchema, configurationSchema, preset, presetNames } from "hidiff";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { annotatedYaml } from "./annotated-yaml.ts";

const schema = configurationJsonSchema();

describe("annotatedYaml", () => {
  it.each(presetNames)("says the preset %s again, with all defaults", (name) => {
    const configuration = configurationSchema.parse(preset(name));
    // What is undefined is not there in either.
    expect(parse(annotatedYaml(configuration, schema))).toEqual(JSON.parse(JSON.stringify(configuration)));
  });

  it("has the description above each field, and fields that are not set as comments", () => {
    const text = annotatedYaml(configurationSchema.parse(preset("drive-small")), schema, ["A header."]);
    expect(text).toMatch(/^# A header\.\n/);
    expect(text).toContain("  # Crops per update.\n  batchSize: 8\n");
    expect(text).toMatch(/\n {2}# Crops computed at once, .*\n(?: {2}# .*\n)* {2}# microBatchSize:\n/);
    // Those of the data set and of the segmentor that are named.
    expect(text).toMatch(/\n {2}# observer: 1\n/);
    expect(text).toMatch(/\n {6}# Number of down-samplings\.\n {6}depth: 4\n/);
    expect(text.split("\n").filter((line) => line.length > 130)).toEqual([]);
  });

  it("keeps texts and numbers apart", () => {
    const value = configurationSchema.parse({ dataset: { name: "folder", root: "1: x # y", classes: { "4": 4 }, maskSuffix: "yes" } });
    expect((parse(annotatedYaml(value, schema)) as { dataset: unknown }).dataset).toEqual(value.dataset);
  });
});
