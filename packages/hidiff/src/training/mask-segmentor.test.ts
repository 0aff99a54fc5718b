import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { add, AdamW, Generator, type HostTensor, mean, memory, type Mode, mul, type Scalar, square, sub, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { fromMask, type MaskPredictor, MaskSegmentor, prior, registerSegmentor, type SegmentorOutput } from "@hidiff/segmentors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import type { Architecture, TrainingOptions } from "../config/schema.ts";
import { HybridModel, mapTensor } from "../model/hybrid-model.ts";
import { tinyArchitecture, tinyBatches, tinyInference, tinyTraining } from "../testing/tiny.ts";
import { restoreCheckpoint, writeCheckpoint } from "./checkpoint-node.ts";
import { pretrainSegmentor } from "./pretrain-segmentor.ts";
import type { TrainingCallbacks, TrainingReport } from "./report.ts";
import { TrainingSession } from "./session.ts";
import { guideBatch, update } from "./step.ts";
import { trainAlternating } from "./train-alternating.ts";
import { validate } from "./validate.ts";

/** The disc where it is bright: with holes where the noise is dark. */
const bright: MaskPredictor = ({ data }) => data.map((value) => (value > 0.3 ? 0.9 : 0.1));

/** Multiplies the log-odds of masks that come with the images by a learned factor. */
class Sharpening extends MaskSegmentor {
  readonly #sharpness = this.addParameter("sharpness", { shape: [1], data: Float32Array.of(1) });

  override get trainable(): boolean {
    return true;
  }

  override forward(image: Tensor4D, mode: Mode, externalPrior?: Tensor4D): SegmentorOutput {
    const { logits, features } = super.forward(image, mode, externalPrior);
    return { logits: mul(logits, this.#sharpness), features };
  }
}

let folder = "";
beforeAll(useTestBackend);
beforeAll(async () => {
  registerSegmentor("bright", (options, generator) => fromMask(bright, { ...options, generator }));
  registerSegmentor("sharpening", ({ imageChannels, classes }, generator) => new Sharpening({ imageChannels, classes, featureWidth: 2 }, generator));
  folder = await mkdtemp(join(tmpdir(), "hidiff-masks-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function architectureWith(name: string, options: Readonly<Record<string, unknown>> = {}): Architecture {
  return { ...tinyArchitecture(options), segmentor: { name, options: { featureWidth: 2 } } };
}

function newSession(training: TrainingOptions = tinyTraining(), architecture: Architecture = architectureWith("bright")): TrainingSession {
  return new TrainingSession(new HybridModel(architecture, new Generator(5)), training);
}

/** Both phases. Returns the reports in order. */
async function train(session: TrainingSession, callbacks: TrainingCallbacks = {}, batches = tinyBatches()): Promise<TrainingReport[]> {
  const reports: TrainingReport[] = [];
  const onIteration = async (report: TrainingReport): Promise<void> => {
    reports.push(report);
    await callbacks.onIteration?.(report);
  };
  const complete = await pretrainSegmentor(session, batches, { ...callbacks, onIteration });
  if (complete) await trainAlternating(session, batches, { ...callbacks, onIteration });
  return reports;
}

type Plain = Record<string, number[]>;

function plain(state: ReadonlyMap<string, HostTensor>): Plain {
  return Object.fromEntries([...state].map(([name, { data }]) => [name, Array.from(data)]));
}

/** The segmentor's probabilities of a batch. */
async function priorOf({ segmentor }: HybridModel): Promise<Float32Array> {
  const { batch, externalPrior } = await guideBatch(segmentor, await tinyBatches().batch(0));
  const result = new Float32Array(externalPrior!.length);
  tidy(() => {
    const [image, external] = [batch.images, externalPrior!].map((data) => mapTensor(data, [2, 32, 32, 1]));
    result.set(prior(segmentor.forward(image!, { training: false }, external).logits).dataSync());
  });
  return result;
}

describe("a segmentor of which only the mask is known", () => {
  const iterations = 24;
  const session = (): TrainingSession =>
    newSession(tinyTraining({ batchSize: 4, averageDecay: 0.8, alternating: { iterations, refinerLearningRate: 1e-2 } }));

  it("is not pre-trained, and its feature maps learn with the refiner while the mask stays", async () => {
    const trained = session();
    const { model, average } = trained;
    const [mask, before] = [await priorOf(model), plain(model.segmentor.stateDict())];
    const reports = await train(trained, {}, tinyBatches({ batchSize: 4 }));
    expect(trained.progress).toEqual({ pretraining: 2, alternating: iterations });
    expect(reports).toHaveLength(iterations);
    for (const { phase, losses } of reports) expect([phase, ...Object.keys(losses)]).toEqual(["alternating", "refinement"]);

    const losses = reports.map(({ losses: { refinement } }) => refinement!);
    const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(meanOf(losses.slice(-6))).toBeLessThan(0.7 * meanOf(losses.slice(0, 6))); // 0.33 against 0.67 bits

    expect(await priorOf(model)).toEqual(mask);
    const after = plain(model.segmentor.stateDict());
    for (const [name, values] of Object.entries(before)) expect(after[name], name).not.toEqual(values);

    // The averages cover the feature maps: inference uses them.
    const averaged = plain(average.segmentor!.stateDict());
    for (const [name, values] of Object.entries(averaged)) {
      expect(values, name).not.toEqual(before[name]);
      expect(values, name).not.toEqual(after[name]);
    }
    expect(await average.with(() => plain(model.segmentor.stateDict()))).toEqual(averaged);
    expect(plain(model.segmentor.stateDict())).toEqual(after);
    average.apply();
    expect(plain(model.segmentor.stateDict())).toEqual(averaged);
    expect(plain(model.refiner.stateDict())).toEqual(plain(average.refiner.stateDict()));
    model.dispose();
  });

  it.each([0, 1])("resumes after %i iterations of the alternation as if it had not stopped", async (stopAfter) => {
    const path = join(folder, `after-${stopAfter}.safetensors`);
    const whole = newSession();
    await train(whole);
    const first = newSession();
    const stop = new AbortController();
    if (stopAfter === 0) stop.abort();
    await train(first, { signal: stop.signal, onIteration: () => stop.abort(), onCheckpoint: (session) => writeCheckpoint(path, session) });
    expect(first.progress).toEqual({ pretraining: 2, alternating: stopAfter });
    const resumed = new TrainingSession(new HybridModel(architectureWith("bright"), new Generator(99)), tinyTraining());
    await restoreCheckpoint(path, resumed);
    await train(resumed);
    const state = plain(resumed.stateDict());
    expect(state).toEqual(plain(whole.stateDict()));
    expect(Object.keys(state).some((name) => name.startsWith("segmentorAverage.pyramid."))).toBe(true);
    expect(Object.keys(state).some((name) => name.startsWith("refinerOptimizer.first.segmentor.pyramid."))).toBe(true);
    for (const { model } of [whole, first, resumed]) model.dispose();
  });

  it("leaves no tensors behind, iteration by iteration", async () => {
    const counts: number[] = [];
    await noLeak(async () => {
      const session = newSession(tinyTraining({ microBatchSize: 1 }));
      await train(session, { onIteration: () => void counts.push(memory().numTensors) });
      session.model.dispose();
    });
    expect(new Set(counts).size).toBe(1);
  });
});

it("micro-batches get their own items' external priors: their gradients add up to that of one batch", async () => {
  const segmentor = new MaskSegmentor({ imageChannels: 1, classes: 3, featureWidth: 2 }, new Generator(1));
  const guided = await guideBatch(segmentor, await tinyBatches({ batchSize: 4, classes: 3, priors: true }).batch(0));
  const results = [4, 3, 1].map((microBatchSize) => {
    const parameters = segmentor.parameters();
    const optimizer = new AdamW(parameters);
    const loss = update({
      ...guided,
      parameters,
      optimizer,
      learningRate: 0, // The parameters stay: the moments are compared.
      microBatchSize,
      gradientClip: undefined,
      where: "the test",
      loss: ({ image, y0, externalPrior }) => () => {
        const { logits, features } = segmentor.forward(image, { training: true }, externalPrior);
        return add(mean(square(sub(prior(logits), y0))), features.reduce((sum: Scalar, map) => add(sum, mean(mul(map, square(map)))), mean(y0) as Scalar)) as Scalar;
      },
    });
    const first = [...optimizer.stateDict()].filter(([name]) => name.startsWith("first."));
    return { loss, moments: Float32Array.from(first.flatMap(([, { data }]) => Array.from(data))) };
  });
  segmentor.dispose();
  const [whole, ...parts] = results;
  const largest = Math.max(...whole!.moments.map(Math.abs));
  expect(largest).toBeGreaterThan(1e-4);
  for (const { loss, moments } of parts) {
    // A hundred units of float32's last place: sums in another order.
    expect(loss).toBeCloseTo(whole!.loss, 5);
    expect(moments).toBeAllClose(whole!.moments, { absolute: 1e-5 * largest });
  }
});

it("a segmentor that is trained gets its external prior in every update", async () => {
  const session = newSession(tinyTraining(), architectureWith("sharpening"));
  const { model } = session;
  const before = plain(model.segmentor.stateDict());
  const reports = await train(session, {}, tinyBatches({ priors: true }));
  expect(reports.map(({ losses }) => Object.keys(losses))).toEqual([["segmentation"], ["segmentation"], ["refinement", "segmentor"], ["refinement", "segmentor"]]);
  // The priors are right, but unsure: sharper ones have a smaller loss.
  expect(model.segmentor.stateDict().get("sharpness")!.data[0]).toBeGreaterThan(before["sharpness"]![0]!);
  expect(session.average.segmentor).toBeUndefined();
  model.dispose();
});

describe("masks that come with the data", () => {
  it.each([1, 3])("guide the training and the validation of %i class(es)", async (classes) => {
    const session = newSession(tinyTraining(), architectureWith("masks", { classes }));
    const batches = tinyBatches({ classes, priors: true });
    const reports = await train(session, {}, batches);
    for (const { losses } of reports) expect(losses["refinement"]).toBeGreaterThan(0);
    // The priors are right wherever they are thresholded.
    const { segmentorDice } = await noLeak(async () => validate(session, [await batches.batch(50)], tinyInference()));
    expect(segmentorDice).toBe(1);
    session.model.dispose();
  });

  it("must be there", async () => {
    const session = newSession(tinyTraining(), architectureWith("masks"));
    await expect(train(session)).rejects.toMatchObject({ code: "segmentor.prior", message: expect.stringContaining("--priors FOLDER") });
    session.model.dispose();
  });

  it("must be taken", async () => {
    const session = newSession(tinyTraining(), tinyArchitecture());
    await expect(train(session, {}, tinyBatches({ priors: true }))).rejects.toMatchObject({ code: "training.prior" });
    session.model.dispose();
  });
});
