import { access, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSynthetic } from "@hidiff/datasets/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff, lastLine } from "../testing/command.ts";

let folder = "";
let images = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-config-"));
  images = join(folder, "my photographs");
  await writeSynthetic("folder", images, { count: { train: 8, validation: 1, test: 1 }, size: 48 });
  // Nothing but images and masks: a folder of one's own.
  await Promise.all(["hidiff-dataset.yaml", "train.txt", "validation.txt", "test.txt"].map((name) => rm(join(images, name))));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Makes the small preset tiny. */
const tiny = [
  "architecture.segmentor.options={ baseWidth: 4, depth: 2 }",
  "architecture.refiner.baseWidth=4",
  "architecture.diffusion.steps=2",
  "preprocessing=[{ step: scale }, { step: resize, height: 32, width: 32 }]",
  "training.cropSize=32",
  "training.batchSize=2",
  "training.validationBatches=1",
  "training.pretraining.iterations=3",
  "training.alternating.iterations=3",
  "inference.samples=1",
].flatMap((assignment) => ["--set", assignment]);

describe("hidiff config", () => {
  it("writes a configuration for a folder, keeps it, checks it, and tells what is wrong with another", async () => {
    const file = join(folder, "mine.yaml");
    const written = await hidiff(["config", "init", file, "--data", images, ...tiny]);
    expect(written).toMatchObject({ code: 0 });
    const text = await readFile(file, "utf8");
    expect(text).toMatch(/^# yaml-language-server: \$schema=.*configuration\.schema\.json\n/);
    const schema = /\$schema=(.*)/.exec(text)![1]!;
    expect(JSON.parse(await readFile(schema, "utf8"))).toMatchObject({ title: "HiDiff configuration" });
    expect(await hidiff(["config", "check", file])).toMatchObject({ code: 0, stdout: `${file} is valid.\n` });

    const again = await hidiff(["config", "init", file, "--preset", "demo"]);
    expect(again.code).toBe(1);
    expect(lastLine(again)).toContain("is there already");
    expect(await readFile(file, "utf8")).toBe(text);
    expect((await hidiff(["config", "init", file, "--preset", "demo", "--force"])).code).toBe(0);
    expect(await readFile(file, "utf8")).toContain("name: synthetic-fundus");

    const wrong = join(folder, "wrong.yaml");
    await writeFile(wrong, text.replace("batchSize: 2", "batchsize: 2").replace("cropSize: 32", "cropSize: 33"));
    const told = await hidiff(["config", "check", wrong, "--json"]);
    expect(told.code).toBe(2);
    const lines = told.stderr.trim().split("\n");
    expect(lines[0]).toBe(`error: ${wrong} has 2 problems:`);
    expect(lines.slice(1).join("\n")).toMatch(/wrong\.yaml:\d+: training\.batchsize .*\n.*wrong\.yaml:\d+: training\.cropSize /);
    expect(JSON.parse(told.stdout)).toMatchObject({ file: wrong, valid: false, problems: [{}, {}] });
  });

  it("lists presets and prints schema and configurations as JSON", async () => {
    const [presets, shown, schema] = await Promise.all([
      hidiff(["config", "presets", "--json"]),
      hidiff(["config", "show", "--preset", "drive-small", "--set", "training.batchSize=3", "--json"]),
      hidiff(["config", "schema"]),
    ]);
    expect((JSON.parse(presets.stdout) as { presets: { name: string }[] }).presets.map(({ name }) => name)).toContain("folder-small");
    expect(JSON.parse(shown.stdout)).toMatchObject({ dataset: { name: "drive" }, training: { batchSize: 3, cropSize: 128 } });
    expect(JSON.parse(schema.stdout)).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#" });
  });
});

describe("hidiff train --data", () => {
  it("tells the plan of a training and writes nothing, then trains on the folder", async () => {
    const out = join(folder, "run");
    const planned = await hidiff(["train", "--data", images, "--out", out, ...tiny, "--dry-run", "--json"]);
    expect(planned).toMatchObject({ code: 0 });
    const { plan } = JSON.parse(planned.stdout) as { plan: { dataset: { splits: object }; phases: object[]; files: { checkpointBytes: number } } };
    expect(plan.dataset.splits).toEqual({ train: { cases: 8, samples: 8 }, validation: { cases: 1, samples: 1 }, test: { cases: 1, samples: 1 } });
    expect(plan.phases).toMatchObject([{ iterations: 3 }, { iterations: 3 }]);
    await expect(access(out)).rejects.toThrow();

    const trained = await hidiff(["train", "--data", images, "--out", out, ...tiny]);
    expect(trained).toMatchObject({ code: 0 });
    expect(trained.stderr).toContain("my photographs holds images and masks: 8 cases to train on, 1 to validate, 1 to test.");
    expect(trained.stderr).toContain("the small preset folder-small");
    await access(join(out, "bundle", "hidiff.json"));
    // The header is some bytes beside the arrays.
    const { size } = await stat(join(out, "checkpoint.safetensors"));
    expect(plan.files.checkpointBytes / size).toBeGreaterThan(0.8);
    expect(plan.files.checkpointBytes).toBeLessThan(size);
  });

  it("says what to do without anything to train on", async () => {
    const [nothing, none] = await Promise.all([hidiff(["train"]), hidiff(["train", "--data", join(folder, "none")])]);
    expect(nothing.code).toBe(2);
    expect(lastLine(nothing)).toMatch(/say what to train: --data FOLDER .* --preset NAME .* or --config FILE/);
    expect(none.code).not.toBe(0);
    expect(lastLine(none)).toContain("none");
  });
});
