import type { Batch, BatchSource } from "@hidiff/datasets";
import { summarize } from "@hidiff/metrics";
import type { InferenceOptions } from "../schema.ts";
import { lookAtCrops } from "../../training/look-at-crops.ts";
import { pretrainSegmentor } from "../../training/pretrain-segmentor.ts";
import type { TrainingProgress, TrainingSession } from "../../training/session.ts";
import { trainAlternating } from "../../training/train-alternating.ts";

/** How long something takes on this machine, in seconds. */
export interface MeasuredTime {
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
  /** How many times it was done, without the first, which is slower. */
  readonly count: number;
}

interface TrainingMeasurement {
  /** Of an iteration; of phases that have some. */
  readonly iteration: Readonly<Partial<Record<keyof TrainingProgress, MeasuredTime>>>;
  /** Of segmenting one validation crop; undefined without looks at any. */
  readonly crop: MeasuredTime | undefined;
  /** How many crops an iteration was measured with: fewer than a batch has where that would have taken too long or too much memory. */
  readonly measuredBatchSize: number;
  /** Undefined where one crop alone takes too long to measure more. */
  readonly memory: MemoryEstimate | undefined;
}

export interface MemoryEstimate {
  /** Most bytes that the process takes. */
  readonly peak: number;
  /** Whether the operating system told so, for as many crops as are computed at once; else it is extrapolated from one and two. */
  readonly measured: boolean;
  /** Whether this is more than the machine can spare now. */
  readonly tooMuch: boolean;
}

/** The memory of this process, in bytes. */
interface ProcessMemory {
  /** Most that it has taken so far. */
  peak(): number;
  /** What it could have at most: what it takes now, and what is free. */
  limit(): number;
}

interface MeasureOptions {
  /** A batch of the given number of crops. */
  readonly example: (batchSize: number) => Batch;
  readonly inference: InferenceOptions;
  /** Whether looks at validation crops are part of the training. */
  readonly looks: boolean;
  /** Seconds that may be spent on each kind of computation, about. */
  readonly seconds: number;
  readonly onProgress?: (what: string) => void;
  readonly memory: ProcessMemory;
}

/** Of how many repetitions the time is taken. */
const [fewest, most] = [2, 8];
/** How long one iteration, or the few that are counted, may take, as a multiple of the seconds that may be spent. */
const longest = 4;
/** The part of the free memory that measuring may take. */
const spared = 0.8;

/**
 * Times real iterations of both phases, which change the session's model, and the segmentation of a validation crop.
 *
 * Where a whole batch would take too long or too much memory, both are extrapolated from smaller ones: they are a constant, for
 * what is done once a batch, and a part that is proportional to the number of crops.
 */
export async function measureTraining(session: TrainingSession, options: MeasureOptions): Promise<TrainingMeasurement> {
  const { example, seconds, onProgress, memory } = options;
  const { batchSize, microBatchSize = batchSize } = session.options;
  const phases = (["pretraining", "alternating"] as const).filter((phase) => hasIterations(session, phase));
  const time = (phase: keyof TrainingProgress, size: number, count: number): Promise<number[]> => {
    onProgress?.(`${phase}, ${size === 1 ? "one crop" : `${size} crops`}`);
    return timeIterations(session, phase, example(size), count, seconds);
  };
  // Small ones of both phases come first, since the process's peak tells nothing of what comes after a larger one.
  const singles = new Map<keyof TrainingProgress, number[]>();
  for (const phase of phases) singles.set(phase, await time(phase, 1, 2));
  const single = (phase: keyof TrainingProgress): number => singles.get(phase)!.at(-1)!;
  const isSlow = (phase: keyof TrainingProgress): boolean => single(phase) > longest * seconds;
  const peakOfOne = memory.peak();
  const perCrop = new Map<keyof TrainingProgress, number>();
  if (batchSize > 1) {
    for (const phase of phases) if (!isSlow(phase)) perCrop.set(phase, Math.max(0, (await time(phase, 2, 2)).at(-1)! - single(phase)));
  }
  const bytesPerCrop = microBatchSize > 1 ? memory.peak() - peakOfOne : 0;
  const peakOf = (size: number): number => peakOfOne + bytesPerCrop * (Math.min(size, microBatchSize) - 1);
  const limit = spared * memory.limit();
  let measuredBatchSize = batchSize;
  const iteration: Partial<Record<keyof TrainingProgress, MeasuredTime>> = {};
  for (const phase of phases) {
    // As if everything were proportional to the number of crops: rather too much.
    if (isSlow(phase)) iteration[phase] = describe(singles.get(phase)!, batchSize);
    let size = isSlow(phase) ? 1 : batchSize;
    while (size > 2 && (single(phase) + (perCrop.get(phase) ?? 0) * (size - 1) > longest * seconds || peakOf(size) > limit)) size = Math.ceil(size / 2);
    measuredBatchSize = Math.min(measuredBatchSize, size);
    if (isSlow(phase)) continue;
    const times = await time(phase, size, most + 1);
    const measured = describe(times, 1);
    const slope = size > 1 ? Math.max(0, (measured.median - single(phase)) / (size - 1)) : 0;
    iteration[phase] = size === batchSize ? measured : describe(times, 1 + (slope * (batchSize - size)) / measured.median);
  }
  const crop = options.looks ? await timeCrop(session, options) : undefined;
  const atOnce = Math.min(batchSize, microBatchSize);
  const estimate = (peak: number, measured: boolean): MemoryEstimate => ({ peak, measured, tooMuch: peak > limit });
  const known = measuredBatchSize >= atOnce ? estimate(memory.peak(), true) : phases.some(isSlow) ? undefined : estimate(peakOf(atOnce), false);
  return { iteration, crop, measuredBatchSize, memory: known };
}

async function timeCrop(session: TrainingSession, { example, inference, seconds, onProgress }: MeasureOptions): Promise<MeasuredTime> {
  onProgress?.("a look at a validation crop");
  const crops = [example(1)];
  const times: number[] = [];
  const start = performance.now();
  do {
    const before = performance.now();
    await lookAtCrops(session, crops, inference, () => undefined);
    times.push((performance.now() - before) / 1000);
  } while (!isEnough(times.length, most + 1, start, seconds));
  return describe(times, 1);
}

function hasIterations({ options, model }: TrainingSession, phase: keyof TrainingProgress): boolean {
  return options[phase].iterations > 0 && (phase === "alternating" || model.segmentor.trainable);
}

/** Seconds of each of up to `count` iterations, until `seconds` have passed: or some more, for a few to be counted after the first. */
async function timeIterations(session: TrainingSession, phase: keyof TrainingProgress, batch: Batch, count: number, seconds: number): Promise<number[]> {
  session.progress = { ...session.progress, [phase]: 0 };
  const batches: BatchSource = { batch: () => Promise.resolve(batch), waited: 0, close: () => Promise.resolve() };
  const controller = new AbortController();
  const times: number[] = [];
  const start = performance.now();
  const run = phase === "pretraining" ? pretrainSegmentor : trainAlternating;
  await run(session, batches, {
    signal: controller.signal,
    onIteration: (report) => {
      times.push(report.seconds);
      if (isEnough(times.length, count, start, seconds)) controller.abort();
    },
  });
  return times;
}

function isEnough(done: number, count: number, start: number, seconds: number): boolean {
  const elapsed = (performance.now() - start) / 1000;
  return done >= count || (done > fewest && elapsed >= seconds) || elapsed >= longest * seconds;
}

function describe(times: readonly number[], factor: number): MeasuredTime {
  const counted = (times.length > 1 ? times.slice(1) : times).map((time) => factor * time);
  const { median, minimum, maximum } = summarize(counted);
  return { median: median!, minimum: minimum!, maximum: maximum!, count: counted.length };
}
