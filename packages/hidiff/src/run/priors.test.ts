import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors } from "@hidiff/core-tensor/node";
import { parse } from "@hidiff/datasets";
import { openDataset, writePng } from "@hidiff/datasets/node";
import { fromMask, registerSegmentor } from "@hidiff/segmentors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import type { ValidationReport } from "../training/validate.ts";
import { readRunRecords } from "./read-run-records-node.ts";
import { runFiles } from "./run-files.ts";
import { runTraining } from "./training-run-node.ts";

const dataset = { name: "synthetic-fundus", count: { train: 3, validation: 2, test: 1 }, size: 32, seed: 1 };

function configurationWith(segmentor: object, priors?: string): Configuration {
  return parse(
    configurationSchema,
    {
      dataset,
      ...(priors === undefined ? {} : { priors: { folder: priors } }),
      architecture: { segmentor, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
      training: {
        batchSize: 2,
        cropSize: 32,
        pretraining: { iterations: 3 },
        alternating: { iterations: 2 },
        averageDecay: 0.5,
        validationInterval: 2,
        checkpointInterval: 1,
      },
      inference: { samples: 1, window: 32 },
    },
    "The test's configuration",
  ) as Configuration;
}

const masks = { name: "masks", options: { featureWidth: 2 } };

let folder = "";
beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-run-priors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The true masks as PNG files, of the training and the validation split. */
async function writeMasks(name: string): Promise<string> {
  const { splits, load } = await openDataset(dataset);
  await mkdir(join(folder, name));
  for (const id of [...splits.train, ...splits.validation]) {
    const { labels } = await load(id);
    const { height, width } = labels;
    await writePng(join(folder, name, `${id}.png`), { height, width, channels: 1, data: labels.slice(0).map((label) => 255 * label) });
  }
  return join(folder, name);
}

describe("a folder of masks", () => {
  it("guides a run in place of a segmentor; stopped, moved and resumed, it equals an uninterrupted one", async () => {
    const priors = await writeMasks("masks");
    const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
    const notes: string[] = [];
    const validations: ValidationReport[] = [];
    await noLeak(async () => {
      const { complete, model } = await runTraining(configurationWith(masks, priors), {
        folder: whole,
        onNote: (note) => notes.push(note),
        onValidation: (report) => void validations.push(report),
      });
      expect(complete).toBe(true);
      model.dispose();
    });
    expect(notes).toContain(
      'The segmentor "masks" cannot be trained: pre-training is skipped, and the alternation trains the refiner and the feature maps that are made for it.',
    );
    expect(validations.map(({ segmentorDice }) => segmentorDice)).toEqual([1]);
    const records = await readRunRecords(whole);
    expect(records.map(({ type, phase, step }) => `${type} ${phase} ${step}`)).toEqual([
      "iteration alternating 1",
      "iteration alternating 2",
      "picture alternating 2",
      "validation alternating 2",
    ]);

    // The bundle has the averaged feature maps.
    const read = async (path: string): Promise<ReadonlyMap<string, { data: ArrayLike<number> }>> => (await readSafetensors(path)).tensors;
    const checkpoint = await read(join(whole, runFiles.checkpoint));
    const bundled = await read(join(whole, runFiles.bundle, "segmentor.safetensors"));
    expect(bundled.size).toBe(20);
    for (const [name, { data }] of bundled) expect(data, name).toEqual(checkpoint.get(`segmentorAverage.${name}`)!.data);
    // The refiner's head starts at zero, so that few steps reach the first map only.
    const first = "pyramid.steps.1.conv.weight";
    expect(bundled.get(first)!.data).not.toEqual(checkpoint.get(`segmentor.${first}`)!.data);

    const stop = new AbortController();
    const stopped = await runTraining(configurationWith(masks, priors), { folder: parts, signal: stop.signal, onIteration: () => stop.abort() });
    expect(stopped.complete).toBe(false);
    stopped.model.dispose();
    const resumed = await runTraining(configurationWith(masks, await writeMasks("moved")), { folder: parts, resume: true });
    resumed.model.dispose();
    for (const file of await readdir(join(whole, runFiles.bundle))) {
      const [first, second] = await Promise.all([whole, parts].map((run) => readFile(join(run, runFiles.bundle, file))));
      // Where the masks lay is said in the provenance.
      const same = second!.toString("latin1").replace('"folder": "moved"', '"folder": "masks"').replace('"folder":"moved"', '"folder":"masks"');
      expect(same === first!.toString("latin1"), file).toBe(true);
    }
    await expect(runTraining(configurationWith(masks), { folder: parts, resume: true })).rejects.toMatchObject({ code: "run.configuration" });
  });

  it("must be given for the segmentor that needs it, before anything is prepared", async () => {
    const progress: number[] = [];
    const training = runTraining(configurationWith(masks), { folder: join(folder, "without"), onPreparation: (done) => progress.push(done) });
    await expect(training).rejects.toMatchObject({ code: "run.priors", message: expect.stringMatching(/segmentor "masks".*`priors\.folder`.*`--priors FOLDER`/) });
    expect(progress).toEqual([]);
  });

  it("must have a mask for each case", async () => {
    await mkdir(join(folder, "empty"));
    const training = runTraining(configurationWith(masks, join(folder, "empty")), { folder: join(folder, "incomplete") });
    await expect(training).rejects.toMatchObject({ code: "datasets.priors" });
  });
});

it("a segmentor is opened before the data are prepared", async () => {
  registerSegmentor("unreachable", ({ imageChannels, classes }, generator) => {
    const segmentor = fromMask(() => new Float32Array(), { imageChannels, classes, generator });
    return Object.assign(segmentor, { open: () => Promise.reject(new Error("the other program does not answer")) });
  });
  const training = noLeak(() =>
    runTraining(configurationWith({ name: "unreachable" }), { folder: join(folder, "unreachable"), onPreparation: () => expect.unreachable() }).catch(
      (error: unknown) => error,
    ),
  );
  expect(await training).toMatchObject({ message: "the other program does not answer" });
});
