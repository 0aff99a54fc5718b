import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSynthetic } from "@hidiff/datasets/node";
import { ablationNames } from "hidiff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { trainCommand } from "../commands/train.ts";
import { defaultRunFolder, readConfiguration } from "./configuration.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-configuration-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe("readConfiguration", () => {
  it("reads YAML and JSON alike and fills in the defaults", async () => {
    const yaml = await file("a.yaml", "dataset: { name: drive, root: . }\ntraining:\n  batchSize: 3\n");
    const json = await file("a.json", '{ "$schema": "x", "dataset": { "name": "drive", "root": "." }, "training": { "batchSize": 3 } }');
    const configuration = await readConfiguration({ config: yaml }, folder);
    expect(configuration.training.batchSize).toBe(3);
    expect(configuration.training.cropSize).toBe(256);
    expect(await readConfiguration({ config: json }, folder)).toEqual(configuration);
  });

  it("takes --data, --priors, --seed and --set over the preset, --set last", async () => {
    const options = { preset: "drive-small", data: folder, priors: folder, seed: 5, set: ["training.batchSize=2", "training.seed=6", "architecture.segmentor={ name: masks }"] };
    const configuration = await readConfiguration(options, folder);
    expect(configuration.dataset).toEqual({ name: "drive", root: folder });
    expect(configuration.priors).toEqual({ folder });
    expect(configuration.training.batchSize).toBe(2);
    expect(configuration.training.seed).toBe(6);
  });

  it("takes parts of the method away by --ablation, before --set", async () => {
    const options = { preset: "drive-small", data: folder, ablation: "v1", set: ["training.focalWeight=0.5"] };
    const configuration = await readConfiguration(options, folder);
    expect(configuration.training).toMatchObject({ focalWeight: 0.5, alternating: { freezeSegmentor: true } });
    expect(configuration.architecture.refiner).toMatchObject({ precision: "real", crossTransformer: false, baseWidth: 24 });
    const offered = trainCommand().options.find(({ long }) => long === "--ablation")!.argChoices;
    expect(offered).toEqual(ablationNames);
  });

  it("suggests the likely name of a preset or value", async () => {
    await expect(readConfiguration({ preset: "drive-smal" }, folder)).rejects.toThrow(/Did you mean "drive-small"\?/);
    await expect(readConfiguration({ preset: "demo", set: ["inference.sampler=dim"] }, folder)).rejects.toThrow(/Did you mean "ddim"\?/);
  });

  it.each([
    ["broken.yaml", "dataset: [1, 2\ntraining: x", "config.syntax", /broken\.yaml:2: /],
    ["file.toml", "", "usage.option", /\.yaml, \.yml or \.json/],
    ["empty.yaml", "", "config.invalid", /empty\.yaml is empty/],
  ])("refuses %s in one line", async (name, text, code, message) => {
    const error = (await readConfiguration({ config: await file(name, text) }, folder).catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
  });

  it("needs a source, and says when the file is missing", async () => {
    await expect(readConfiguration({}, folder)).rejects.toMatchObject({ code: "usage.option" });
    await expect(readConfiguration({ preset: "demo", config: "mine.yaml" }, folder)).rejects.toMatchObject({ code: "usage.option" });
    await expect(readConfiguration({ config: join(folder, "none.yaml") }, folder)).rejects.toMatchObject({ code: "file.read" });
    await expect(readConfiguration({ resume: true }, folder)).rejects.toMatchObject({ code: "file.read" });
  });

  it("chooses a small preset for a folder, and says so", async () => {
    const data = join(folder, "photographs");
    await writeSynthetic("folder", data);
    const notes: string[] = [];
    const set = ["dataset.split={ validation: 0, test: 0 }", "training.batchSize=2"];
    const configuration = await readConfiguration({ data, set }, folder, (note) => notes.push(note));
    expect(configuration).toMatchObject({ dataset: { name: "folder", root: data, split: { validation: 0 } }, training: { batchSize: 2, cropSize: 128 } });
    expect(notes.join("\n")).toMatch(/6 cases to train on, 0 to validate, 0 to test\.\n.*preset folder-small .*\n.*hidiff config init/);
  });
});

it("defaultRunFolder is named after the source", () => {
  expect(defaultRunFolder({ preset: "demo" })).toBe(join("runs", "demo"));
  expect(defaultRunFolder({ config: "some/where/mine.yaml" })).toBe(join("runs", "mine"));
  expect(defaultRunFolder({ data: "some/where/photographs/" })).toBe(join("runs", "photographs"));
});
