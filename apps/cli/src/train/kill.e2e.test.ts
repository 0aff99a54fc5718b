import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "@hidiff/core-tensor/node";
import { Generator } from "@hidiff/core-tensor/random";
import { readImage } from "@hidiff/datasets/node";
import { loadBundle, readRunConfiguration, readRunRecords, runFiles } from "hidiff/node";
import { afterAll, beforeAll, expect, it } from "vitest";

// Trainings are killed (SIGKILL, which no process can answer) at random moments of any kind: while they start, read, compute
// or write. HIDIFF_KILLS says how often.
const kills = Number(process.env["HIDIFF_KILLS"] ?? 5);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-kill-"));
  await writeFile(
    join(folder, "tiny.yaml"),
    `
dataset: { name: synthetic-fundus, count: { train: 4, validation: 2, test: 0 }, size: 32, seed: 1 }
architecture:
  segmentor: { name: unet, options: { baseWidth: 4, depth: 2 } }
  refiner: { baseWidth: 4 }
  diffusion: { steps: 2, target: y0 }
training:
  batchSize: 1
  cropSize: 32
  data: { workers: 0 }
  pretraining: { iterations: 12, learningRate: 0.003 }
  alternating: { iterations: 24, refinerLearningRate: 0.01 }
  averageDecay: 0.5
  validationInterval: 3
  validationBatches: 2
  pictures: { interval: 4, count: 1 }
  checkpointInterval: 2
inference: { samples: 1, window: 32 }
`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * Trains in a folder, from where it stands. Killed `delay` milliseconds after the training began, if it is given.
 *
 * @returns whether it was killed
 */
function train(run: string, delay?: number): Promise<boolean> {
  const resume = existsSync(join(run, runFiles.checkpoint));
  const how = resume ? ["--resume", run] : ["--config", join(folder, "tiny.yaml"), "--out", run];
  const arguments_ = ["--conditions=@hidiff/source", "--import", "tsx", "apps/cli/bin/hidiff.js", "train", ...how, "--json"];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, arguments_, {
      cwd: join(dirname(fileURLToPath(import.meta.url)), "../../../.."),
      env: { ...process.env, HIDIFF_BACKEND: "wasm" },
    });
    let [timer, errors]: [NodeJS.Timeout | undefined, string] = [undefined, ""];
    child.stderr.on("data", (chunk: Buffer) => void (errors += chunk.toString()));
    child.stdout.on("data", () => {
      if (delay !== undefined) timer ??= setTimeout(() => child.kill("SIGKILL"), delay);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || signal === "SIGKILL") resolve(signal === "SIGKILL");
      else reject(new Error(`code ${code}: ${errors}`));
    });
  });
}

/** Opens every file of a run folder. Returns how many iterations the checkpoint holds. */
async function expectWholeFiles(run: string): Promise<number> {
  const names = existsSync(run) ? await readdir(run) : [];
  if (names.includes(runFiles.configuration)) await readRunConfiguration(run);
  let saved = 0;
  for (const name of names.filter((file) => file === runFiles.checkpoint || file === runFiles.best)) {
    const { tensors, metadata } = await readSafetensors(join(run, name));
    expect(tensors.size).toBeGreaterThan(20);
    const { progress } = JSON.parse(metadata["hidiff"]!) as { progress?: Record<string, number> };
    if (name === runFiles.checkpoint) saved = progress!["pretraining"]! + progress!["alternating"]!;
  }
  if (names.includes(runFiles.metrics)) {
    const steps = (await readRunRecords(run)).filter(({ type }) => type === "iteration").map(({ step }) => step);
    expect(steps).toEqual(steps.map((_, index) => index + 1));
    expect(steps.length).toBeGreaterThanOrEqual(saved);
  }
  for (const name of names.filter((file) => file.endsWith(".csv"))) {
    const [header, ...lines] = (await readFile(join(run, name), "utf8")).split("\n");
    // The last line may be cut off.
    for (const line of lines.slice(0, -1)) expect(line.split(",").length, `${name}: ${line}`).toBe(header!.split(",").length);
  }
  if (names.includes(runFiles.pictures)) {
    for (const name of await readdir(join(run, runFiles.pictures))) {
      if (name.endsWith(".png")) await readImage(join(run, runFiles.pictures, name));
    }
  }
  if (names.includes(runFiles.bundle)) (await loadBundle(join(run, runFiles.bundle))).dispose();
  return saved;
}

/** All that a finished run has computed. */
async function resultsOf(run: string): Promise<unknown> {
  const files = [
    ...(await readdir(join(run, runFiles.bundle))).map((name) => join(runFiles.bundle, name)),
    ...(await readdir(join(run, runFiles.pictures))).filter((name) => name.endsWith(".png")).map((name) => join(runFiles.pictures, name)),
    runFiles.checkpoint,
    runFiles.best,
  ];
  return {
    records: (await readRunRecords(run)).map((record) => ({ ...record, seconds: 0, waiting: 0 })),
    files: await Promise.all(files.toSorted().map(async (name) => [name, (await readFile(join(run, name))).toString("base64")])),
  };
}

it(`trainings that are killed ${kills} times in all, and resumed, equal an undisturbed one`, async () => {
  const whole = join(folder, "whole");
  const start = performance.now();
  await train(whole);
  const longest = (performance.now() - start) / 3; // the start of the program included
  const expected = await resultsOf(whole);
  const generator = new Generator(7);
  let [done, runs, resumed] = [0, 0, 0];
  while (done < kills) {
    const run = join(folder, `run-${runs++}`);
    while (done < kills && (await train(run, generator.uniform(0, longest)))) {
      done += 1;
      if ((await expectWholeFiles(run)) > 0) resumed += 1;
    }
    if (!existsSync(join(run, "manifest.json"))) await train(run);
    expect(await resultsOf(run)).toEqual(expected);
    expect((await readdir(run, { recursive: true })).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }
  console.log(`${done} kills of ${runs} trainings; ${resumed} of them left a checkpoint to resume from`);
  expect(resumed).toBeGreaterThan(0);
});
