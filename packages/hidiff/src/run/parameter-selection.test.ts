import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors } from "@hidiff/core-tensor/node";
import { parse } from "@hidiff/datasets";
import { afterAll, beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import { readRunRecords } from "./read-run-records-node.ts";
import { runFiles } from "./run-files.ts";
import type { ValidationRecord } from "./run-records.ts";
import { runTraining, type TrainingRunOptions } from "./training-run-node.ts";

function configurationWith(training: object, validation = 2): Configuration {
  return parse(
    configurationSchema,
    {
      dataset: { name: "synthetic-fundus", count: { train: 3, validation, test: 1 }, size: 32, seed: 1 },
      architecture: { segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2, target: "y0" } },
      training: {
        batchSize: 1,
        cropSize: 32,
        pretraining: { iterations: 1 },
        alternating: { iterations: 40, refinerLearningRate: 0.01 },
        averageDecay: 0.5,
        validationInterval: 1,
        validationBatches: 2,
        pictures: { interval: 0 },
        checkpointInterval: 2,
        ...training,
      },
      inference: { samples: 1, window: 32 },
    },
    "The test's configuration",
  ) as Configuration;
}

let folder = "";
beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-selection-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function train(name: string, configuration: Configuration, options: Partial<TrainingRunOptions> = {}): Promise<Awaited<ReturnType<typeof runTraining>>> {
  const result = await noLeak(async () => {
    const run = await runTraining(configuration, { folder: join(folder, name), ...options });
    run.model.dispose();
    return run;
  });
  return result;
}

async function looksOf(name: string): Promise<ValidationRecord[]> {
  const records = await readRunRecords(join(folder, name));
  return records.filter((record): record is ValidationRecord => record.type === "validation" && record.phase === "alternating");
}

/** The arrays of a file whose names start with `prefix`, without it. */
async function arraysOf(name: string, file: string, prefix: string): Promise<Map<string, ArrayLike<number>>> {
  const { tensors } = await readSafetensors(join(folder, name, file));
  return new Map([...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, { data }]) => [key.slice(prefix.length), data as ArrayLike<number>]));
}

const bundled = `${runFiles.bundle}/refiner.safetensors`;
const early = configurationWith({ earlyStopping: { patience: 3 } });

it("ends where looks no longer improve; the bundle gets the parameters of the best one", async () => {
  const { selected, complete } = await train("early", early);
  expect(complete).toBe(true);
  const looks = await looksOf("early");
  const best = looks.reduce((first, look) => (look.refinedDice > first.refinedDice ? look : first));
  expect(selected).toEqual({ iteration: best.iteration, refinedDice: best.refinedDice });
  expect(looks.at(-1)!.iteration).toBe(best.iteration + 3);
  expect(best.iteration + 3).toBeLessThan(40);
  expect(looks.findLast((look) => look.best)).toEqual(best);

  const weights = await arraysOf("early", bundled, "");
  expect(weights).toEqual(await arraysOf("early", runFiles.best, "refiner."));
  expect(weights).not.toEqual(await arraysOf("early", runFiles.checkpoint, "average."));
  expect(await arraysOf("early", `${runFiles.bundle}/segmentor.safetensors`, "")).toEqual(await arraysOf("early", runFiles.best, "segmentor."));

  // The best parameters are those that a training that ends there has: with all iterations' learning rates, stopped by its user.
  const stop = new AbortController();
  await train("stopped", early, { signal: stop.signal, onIteration: ({ phase, iteration }) => (phase === "alternating" && iteration === best.iteration ? stop.abort() : undefined) });
  expect(await arraysOf("stopped", runFiles.checkpoint, "average.")).toEqual(weights);

  // Resumed, it counts on from the looks before, and ends at the same one.
  expect(await train("stopped", early, { resume: true })).toMatchObject({ selected, finishedBefore: false });
  expect((await looksOf("stopped")).map(({ refinedDice }) => refinedDice)).toEqual(looks.map(({ refinedDice }) => refinedDice));
  expect(await arraysOf("stopped", bundled, "")).toEqual(weights);
  expect(await readFile(join(folder, "stopped", runFiles.log), "utf8")).toMatch(/Ended early: the last 3 looks/);
});

it("a finished run that is resumed stays as it is", async () => {
  const path = join(folder, "early", runFiles.bundle, "hidiff.json");
  const before = await readFile(path);
  const iterations: unknown[] = [];
  const again = await train("early", early, { resume: true, onIteration: (report) => void iterations.push(report) });
  expect(again).toMatchObject({ complete: true, finishedBefore: true, bundle: join(folder, "early", runFiles.bundle) });
  expect(iterations).toEqual([]);
  expect((await readFile(path)).equals(before)).toBe(true);

  // Without its bundle, as a killed process may leave it, it gets one.
  await rm(join(folder, "early", runFiles.bundle), { recursive: true });
  expect(await train("early", early, { resume: true })).toMatchObject({ complete: true, finishedBefore: false });
  expect((await readFile(path)).equals(before)).toBe(true);
});

it("the bundle gets the last parameters if the configuration says so, or the data set has no validation images", async () => {
  const short = { alternating: { iterations: 4, refinerLearningRate: 0.01 } };
  for (const [name, configuration, reason] of [
    ["last", configurationWith({ ...short, select: "last" }), 'training.select is "last"'],
    ["none", configurationWith(short, 0), 'the data set "synthetic-fundus" has no validation images'],
  ] as const) {
    expect((await train(name, configuration)).selected, name).toBeUndefined();
    expect(await arraysOf(name, bundled, ""), name).toEqual(await arraysOf(name, runFiles.checkpoint, "average."));
    expect(await readFile(join(folder, name, runFiles.log), "utf8")).toContain(`The bundle's parameters will be the last ones: ${reason}.`);
  }
  expect((await looksOf("none")).every(({ best }) => !best)).toBe(true);
});

it("images that are trained on choose nothing", async () => {
  const expectation = { code: "config.selection", message: expect.stringMatching(/training\.select: "best" and training\.earlyStopping need looks at validation images, but/) };
  const wanted = { select: "best", earlyStopping: { patience: 1 } };
  await expect(train("refused", configurationWith(wanted, 0))).rejects.toMatchObject(expectation);
  await expect(train("refused", configurationWith({ ...wanted, validationInterval: 0 }))).rejects.toMatchObject(expectation);
});
