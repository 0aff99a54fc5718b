import { appendFile, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors } from "@hidiff/core-tensor/node";
import { parse } from "@hidiff/datasets";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import { readRunRecords } from "./read-run-records-node.ts";
import { runFiles } from "./run-files.ts";
import { readRunConfiguration } from "./run-folder-node.ts";
import { runTraining, type TrainingRunOptions } from "./training-run-node.ts";

function configurationWith(refinerLearningRate: number): Configuration {
  return parse(
    configurationSchema,
    {
      dataset: { name: "synthetic-fundus", count: { train: 3, validation: 1, test: 1 }, size: 32, seed: 1 },
      architecture: { segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
      training: {
        batchSize: 1,
        cropSize: 32,
        pretraining: { iterations: 2 },
        alternating: { iterations: 5, refinerLearningRate },
        validationInterval: 3,
        validationBatches: 1,
        pictures: { interval: 0 },
        checkpointInterval: 3,
      },
      inference: { samples: 1, window: 32 },
    },
    "The test's configuration",
  ) as Configuration;
}

const configuration = configurationWith(1e-3);

let folder = "";
beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-failures-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => void vi.restoreAllMocks());

function train(name: string, chosen: Configuration, options: Partial<TrainingRunOptions> = {}): Promise<void> {
  return noLeak(async () => {
    const { model } = await runTraining(chosen, { folder: join(folder, name), ...options });
    model.dispose();
  });
}

/** Everything that a run has measured, without times. */
async function resultsOf(name: string): Promise<unknown> {
  const run = join(folder, name);
  const withoutTimes = (text: string, columns: number): string => text.replaceAll(new RegExp(`(,[^,\n]*){${columns}}\n`, "g"), "\n");
  return {
    records: (await readRunRecords(run)).map((record) => ({ ...record, waiting: 0, seconds: 0 })),
    iterations: withoutTimes(await readFile(join(run, runFiles.iterations), "utf8"), 2),
    validations: withoutTimes(await readFile(join(run, runFiles.validations), "utf8"), 1),
    bundle: await Promise.all((await readdir(join(run, runFiles.bundle))).map((file) => readFile(join(run, runFiles.bundle, file)))),
  };
}

it("a run that died between two checkpoints goes on with whole files, each step once", async () => {
  await train("whole", configuration);
  const died = train("died", configuration, {
    onIteration: ({ phase, iteration }) => {
      if (phase === "alternating" && iteration === 5) throw new Error("power failed");
    },
  });
  await expect(died).rejects.toThrow("power failed");
  const run = join(folder, "died");
  expect((await readRunRecords(run)).at(-1)).toMatchObject({ type: "iteration", step: 7 });
  for (const file of [runFiles.metrics, runFiles.iterations, runFiles.validations]) await appendFile(join(run, file), '{"type":"iter');
  expect((await readRunRecords(run)).at(-1)).toMatchObject({ step: 7 });
  await train("died", configuration, { resume: true });
  expect(await resultsOf("died")).toEqual(await resultsOf("whole"));
  expect(await readdir(join(run, runFiles.events))).toHaveLength(2);
  expect(await readFile(join(run, runFiles.log), "utf8")).toMatch(/Failed: power failed\n.* Resuming\n[^]* Going on after alternating iteration 3\n[^]* Finished; /);
});

it("a damaged line in the middle of the records is named", async () => {
  await mkdir(join(folder, "damaged"));
  await writeFile(join(folder, "damaged", runFiles.metrics), '{"type":"picture"}\n{"type":\n{"type":"picture"}\n');
  await expect(readRunRecords(join(folder, "damaged"))).rejects.toMatchObject({ code: "run.records", message: expect.stringContaining("metrics.jsonl, line 2 is not JSON") });
});

it("a training that diverges leaves a sound checkpoint, and says how to go on from it", async () => {
  const checkpoint = join(folder, "diverged", runFiles.checkpoint);
  await expect(train("diverged", configurationWith(1e39))).rejects.toMatchObject({
    code: "training.diverged",
    message: expect.stringContaining(
      `The checkpoint ${checkpoint}, after pretraining iteration 2, is sound: go on from it by \`hidiff train --resume ${join(folder, "diverged")} --set training.alternating.refinerLearningRate=5e+38\`.`,
    ),
  });
  const { tensors } = await readSafetensors(checkpoint);
  for (const [name, { data }] of tensors) expect(Array.from(data as ArrayLike<number>).every(Number.isFinite), name).toBe(true);
  expect(await readFile(join(folder, "diverged", runFiles.log), "utf8")).toMatch(/Failed: Training diverged in alternation iteration/);

  const notes: string[] = [];
  await train("diverged", configuration, { resume: true, onNote: (note) => notes.push(note) });
  expect(notes).toEqual([
    "The run was begun with other settings (training.alternating.refinerLearningRate is 1e+39 there and 0.001 here); from here on it no longer equals an uninterrupted one.",
  ]);
  expect(await readRunConfiguration(join(folder, "diverged"))).toEqual(configuration);
  // What went before is as it was, and what came after is as in the run that had that rate from its beginning.
  expect(await resultsOf("diverged")).toEqual(await resultsOf("whole"));
});

it.each([
  { what: "a checkpoint", method: "writeFile", saved: "after pretraining iteration 2" },
  { what: "the records", method: "appendFile", saved: "after alternating iteration 3" },
] as const)("a disk that is full when $what should be written leaves the checkpoint before", async ({ method, saved }) => {
  const name = `full-${method}`;
  const file = await open(join(folder, `${name}.txt`), "w");
  const handles = Object.getPrototypeOf(file) as Record<typeof method, () => Promise<void>>;
  await file.close();
  const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  const failure = train(name, configuration, {
    // The checkpoint that comes next is that after iteration 3; its look is written to the records before.
    onIteration: ({ phase, iteration }) => {
      if (phase === "alternating" && iteration === (method === "writeFile" ? 2 : 4)) vi.spyOn(handles, method).mockRejectedValue(full);
    },
  });
  const checkpoint = join(folder, name, runFiles.checkpoint);
  await expect(failure).rejects.toMatchObject({
    code: "file.write",
    message: expect.stringContaining(`the disk is full; free some space. The checkpoint ${checkpoint}, ${saved}, is sound: go on from it by \`hidiff train --resume `),
  });
  vi.restoreAllMocks();
  await train(name, configuration, { resume: true });
  expect(await resultsOf(name)).toEqual(await resultsOf("whole"));
});
