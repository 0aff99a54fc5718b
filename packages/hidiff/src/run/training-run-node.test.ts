import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { loadBundle } from "../bundle/bundle-node.ts";
import { parse } from "../config/parse.ts";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import { readRunConfiguration, runFiles, runTraining } from "./training-run-node.ts";

const configuration = parse(
  configurationSchema,
  {
    dataset: { name: "synthetic-fundus", count: { train: 3, validation: 1, test: 1 }, size: 32, seed: 1 },
    architecture: { segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
    training: {
      batchSize: 1,
      cropSize: 32,
      pretraining: { iterations: 1 },
      alternating: { iterations: 2 },
      validationInterval: 2,
      checkpointInterval: 1,
    },
    inference: { samples: 1, window: 32 },
  },
  "The test's configuration",
) as Configuration;

let folder = "";
beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-run-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("a stopped and resumed run writes the same bundle and log as an uninterrupted one", async () => {
  const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
  await noLeak(async () => {
    const { complete, bundle, model } = await runTraining(configuration, { folder: whole });
    expect(complete).toBe(true);
    expect(bundle).toBe(join(whole, runFiles.bundle));
    model.dispose();
  });
  expect((await readdir(whole)).toSorted()).toEqual(Object.values(runFiles).toSorted());

  const stop = new AbortController();
  const stopped = await runTraining(configuration, {
    folder: parts,
    signal: stop.signal,
    onIteration: ({ phase }) => {
      if (phase === "alternating") stop.abort();
    },
  });
  expect(stopped).toMatchObject({ complete: false, bundle: undefined });
  stopped.model.dispose();
  const resumed = await runTraining(await readRunConfiguration(parts), { folder: parts, resume: true });
  expect(resumed.complete).toBe(true);
  resumed.model.dispose();

  const read = (run: string, file: string): Promise<Buffer> => readFile(join(run, file));
  expect((await read(parts, runFiles.log)).toString()).toBe((await read(whole, runFiles.log)).toString());
  for (const file of await readdir(join(whole, runFiles.bundle))) {
    expect((await read(join(parts, runFiles.bundle), file)).equals(await read(join(whole, runFiles.bundle), file)), file).toBe(true);
  }
  const hidiff = await loadBundle(join(parts, runFiles.bundle));
  expect(hidiff.manifest).toMatchObject({ inference: configuration.inference, architecture: { imageChannels: 3, classes: 1 } });
  hidiff.dispose();

  // What is there already is not overwritten, and a resumed run keeps its options.
  await expect(runTraining(configuration, { folder: parts })).rejects.toMatchObject({ code: "run.exists" });
  const other = { ...configuration, training: { ...configuration.training, seed: 9 } };
  await expect(runTraining(other, { folder: parts, resume: true })).rejects.toMatchObject({ code: "run.configuration" });
});

it("there must be something to resume", async () => {
  const nothing = join(folder, "nothing");
  await expect(runTraining(configuration, { folder: nothing, resume: true })).rejects.toMatchObject({ code: "run.nothing" });
});

it("readRunConfiguration names the file that is missing, damaged or wrong", async () => {
  const path = join(folder, runFiles.configuration);
  await expect(readRunConfiguration(folder)).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining(path) });
  await writeFile(path, "{");
  await expect(readRunConfiguration(folder)).rejects.toMatchObject({ code: "run.configuration", message: expect.stringContaining(path) });
  await writeFile(path, JSON.stringify({ dataset: { name: "drive" }, trainign: {} }));
  await expect(readRunConfiguration(folder)).rejects.toMatchObject({ message: expect.stringContaining('Did you mean "training"?') });
});
