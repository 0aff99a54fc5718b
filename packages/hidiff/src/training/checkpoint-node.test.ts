import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator } from "@hidiff/core-tensor";
import { encodeSafetensors } from "@hidiff/core-tensor/files";
import { writeSafetensors } from "@hidiff/core-tensor/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { tinyArchitecture, tinyTraining } from "../testing/tiny.ts";
import { restoreCheckpoint, writeCheckpoint } from "./checkpoint-node.ts";
import { noLooks } from "./look-history.ts";
import { TrainingSession } from "./session.ts";

let folder = "";
let path = "";

function newSession(seed: number, changes: Parameters<typeof tinyArchitecture>[0] = {}): TrainingSession {
  return new TrainingSession(new HybridModel(tinyArchitecture(changes), new Generator(seed)), tinyTraining());
}

/** All that a session holds, as bytes. */
function bytesOf(session: TrainingSession): Buffer {
  return Buffer.from(encodeSafetensors(session.stateDict()));
}

beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-checkpoint-"));
  path = join(folder, "checkpoint.safetensors");
  const session = newSession(1);
  session.progress = { pretraining: 2, alternating: 1 };
  await writeCheckpoint(path, session);
  session.model.dispose();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Restoring fails with this code and text; the session stays as it was. */
async function expectFailure(file: string, code: string, message: RegExp, changes: Parameters<typeof tinyArchitecture>[0] = {}): Promise<void> {
  await noLeak(async () => {
    const session = newSession(2, changes);
    const before = bytesOf(session);
    await expect(restoreCheckpoint(file, session)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(bytesOf(session).equals(before), "the session is unchanged").toBe(true);
    expect(session.progress).toEqual({ pretraining: 0, alternating: 0 });
    session.model.dispose();
  });
}

it("restores everything into a session with other parameters", async () => {
  const [original, restored] = [newSession(1), newSession(2)];
  await restoreCheckpoint(path, restored);
  expect(bytesOf(restored).equals(bytesOf(original))).toBe(true);
  expect(restored.progress).toEqual({ pretraining: 2, alternating: 1 });
  for (const { model } of [original, restored]) model.dispose();
});

it("refuses a file that does not exist", () => expectFailure(join(folder, "none"), "file.read", /none.*no such file or folder/));

it("refuses a truncated file", async () => {
  const bytes = await readFile(path);
  for (const length of [5, 1000, bytes.length - 1]) {
    const file = join(folder, `truncated-${length}`);
    await writeFile(file, bytes.subarray(0, length));
    await expectFailure(file, "safetensors.format", /truncated/);
  }
});

it("refuses files of another kind", async () => {
  const text = join(folder, "notes.txt");
  await writeFile(text, "no checkpoint at all, only some text");
  await expectFailure(text, "safetensors.format", /notes\.txt/);

  const weights = join(folder, "weights");
  await writeSafetensors(weights, new Map([["weight", { shape: [1], data: Float32Array.of(1) }]]));
  await expectFailure(weights, "checkpoint.format", /no training checkpoint/);

  const foreign = join(folder, "foreign");
  for (const header of ["not JSON", '{"format":"other"}', "null"]) {
    await writeSafetensors(foreign, new Map(), { hidiff: header });
    await expectFailure(foreign, header === "not JSON" ? "checkpoint.format" : "config.invalid", /foreign/);
  }
});

it("refuses the checkpoint of another architecture, naming the first field that differs", async () => {
  await expectFailure(path, "checkpoint.architecture", /refiner\.baseWidth is 4 there and 8 here/, { refiner: { baseWidth: 8 } });
  await expectFailure(path, "checkpoint.architecture", /segmentor\.options\.depth is 2 there and 3 here/, { segmentor: { depth: 3 } });
  await expectFailure(path, "checkpoint.architecture", /classes is 1 there and 3 here/, { classes: 3 });
});

it("refuses a checkpoint that lacks arrays, without having loaded any", async () => {
  const session = newSession(3);
  const header = JSON.stringify({ format: "hidiff-checkpoint", architecture: session.model.architecture, progress: { pretraining: 0, alternating: 0 }, looks: noLooks });
  for (const missing of ["averageUpdates", "segmentor.", "refiner.", "average.", "refinerOptimizer.", "segmentorOptimizer."]) {
    const file = join(folder, "incomplete");
    const kept = [...session.stateDict()].filter(([name]) => !name.startsWith(missing));
    await writeSafetensors(file, new Map(kept), { hidiff: header });
    await expectFailure(file, missing === "average." ? "ema.state" : missing.endsWith("Optimizer.") ? "adamw.state" : "state.mismatch", /./);
  }
  session.model.dispose();
});
