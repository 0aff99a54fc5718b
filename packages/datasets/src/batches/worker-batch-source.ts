import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Preprocessing } from "../preprocessing/schema.ts";
import { openWithPriors } from "../priors/open-with-priors.ts";
import type { PriorOptions } from "../priors/with-priors.ts";
import type { DatasetSpec } from "../registry.ts";
import type { Batch, BatchSource, SegmentationDataset } from "../types.ts";
import { createBatchSource, defaultCacheBytes } from "./batch-source.ts";
import type { CaseSummary } from "./case-store.ts";
import { openCases } from "./open-cases.ts";
import { type BatchSourceOptions, checkBatchSourceOptions } from "./options.ts";
import { sampleSource } from "./prepare-samples.ts";
import { Prefetcher } from "./prefetcher.ts";
import { indexSamples, type PreparationOptions, type SampleIndex } from "./sample-index.ts";
import { WaitingClock } from "./waiting-clock.ts";
import type { WorkerSetup } from "./worker-protocol.ts";
import { WorkerThread } from "./worker-thread.ts";

export interface WorkerBatchSourceOptions extends BatchSourceOptions, PreparationOptions {
  /** The splits to prepare. Default: the one that batches are made of. */
  readonly splits?: PreparationOptions["splits"];
  /** Default: the data set's own. */
  readonly preprocessing?: Preprocessing | undefined;
  /** How many threads make batches. Default: one less than there are cores, but 1 or 2; 0: the calling thread. */
  readonly workers?: number | undefined;
  /**
   * A folder in which preprocessed slices are kept, so that each case is read and preprocessed once, before the first
   * batch, and not again by a later run. It needs 4 bytes for every channel of every pixel, 1 for its label, and for priors
   * 4 a class. Changed options, preprocessing and folders of priors make other files; changed source files are not noticed:
   * delete the folder then.
   */
  readonly cacheFolder?: string | undefined;
  /** Where another program's masks or probabilities of the images are: batches have them as `priors` then. */
  readonly priors?: PriorOptions | undefined;
  /** The data set, if it is open already: with its priors, if it has some. */
  readonly dataset?: SegmentationDataset | undefined;
  /** What another source of the same data set and preprocessing has found. */
  readonly index?: SampleIndex | undefined;
}

export interface WorkerBatchSource extends BatchSource {
  /** Which slices are samples, and which cases were left out. */
  readonly index: SampleIndex;
}

/**
 * The batches of `createBatchSource`, made in other threads while the caller's computes: the same options give the same
 * batches, however many threads there are. An idle source does not keep the process alive; `close` ends its threads.
 *
 * Where the built worker is not at hand (the package runs from its TypeScript sources), the work is done in the calling
 * thread instead.
 *
 * @param spec a data set of the node registry; one that was registered at run time is unknown to other threads: take 0
 * workers
 * @throws `datasets.option` for options out of range, `datasets.empty` for a split without samples, `datasets.stopped` by
 * the signal, `datasets.space` where the cache does not fit the disk, and what the data set throws, of which `batch`
 * rejects with the rest; `datasets.worker` where a thread ended by itself.
 */
export async function createWorkerBatchSource(spec: DatasetSpec, options: WorkerBatchSourceOptions): Promise<WorkerBatchSource> {
  // Beside this module in the built package, whichever of its files this code ended up in.
  const script = new URL("./batch-worker.js", import.meta.url);
  return startBatchSource(spec, options, existsSync(fileURLToPath(script)) ? { script } : undefined);
}

/** @param thread how a thread is started; without it, the calling thread does the work */
export async function startBatchSource(
  spec: DatasetSpec,
  { workers = defaultWorkers(), ...options }: WorkerBatchSourceOptions,
  thread: { readonly script: URL; readonly execArgv?: readonly string[] } | undefined,
): Promise<WorkerBatchSource> {
  checkBatchSourceOptions(options);
  if (!Number.isInteger(workers) || workers < 0) {
    throw new HidiffError("datasets.option", `createBatchSource: workers must be an integer ≥ 0, got ${workers}.`);
  }
  const { dataset = await openWithPriors(spec, options.priors) } = options;
  const { splits = [options.split] } = options;
  const preprocessing = options.preprocessing ?? dataset.preprocessing;
  const count = thread === undefined ? 0 : workers;
  const ids = splits.flatMap((split) => dataset.splits[split]);
  const expected = { cases: ids.length, slices: ids.reduce((sum, id) => sum + dataset.depthOf(id), 0) };
  const setup: WorkerSetup = {
    spec,
    preprocessing,
    priors: options.priors,
    options: plainOptions(options, count),
    cache: options.cacheFolder === undefined ? undefined : { folder: options.cacheFolder, expected },
  };
  const preparation: Preparation = { ...options, splits, preprocessing };
  if (thread === undefined || count === 0) return callingThread(dataset, setup, preparation);
  const threads = Array.from(
    { length: count },
    (_, number) => new WorkerThread(thread.script, setup, `batch worker ${number + 1} of ${count}`, thread.execArgv ?? []),
  );
  try {
    return await otherThreads(dataset, threads, setup, preparation);
  } catch (error) {
    await Promise.all(threads.map((worker) => worker.close()));
    throw error;
  }
}

function defaultWorkers(): number {
  return Math.max(1, Math.min(2, availableParallelism() - 1));
}

/** The options that another thread gets. */
function plainOptions(
  { split, batchSize, cropSize, augmentation, seed, fieldOfViewFraction, prefetch, cacheBytes = defaultCacheBytes }: BatchSourceOptions,
  workers: number,
): BatchSourceOptions {
  return {
    split,
    batchSize,
    cropSize,
    seed,
    ...(augmentation === undefined ? {} : { augmentation }),
    ...(fieldOfViewFraction === undefined ? {} : { fieldOfViewFraction }),
    ...(prefetch === undefined ? {} : { prefetch }),
    cacheBytes: cacheBytes / Math.max(1, workers),
  };
}

interface Preparation extends PreparationOptions {
  readonly preprocessing: Preprocessing;
  readonly index?: SampleIndex | undefined;
}

async function callingThread(dataset: SegmentationDataset, setup: WorkerSetup, preparation: Preparation): Promise<WorkerBatchSource> {
  const cases = openCases(dataset, setup);
  const readers = { summarize: [cases.summarize.bind(cases)], all: setup.cache !== undefined };
  const index = preparation.index ?? (await indexSamples(dataset, preparation.preprocessing, preparation, readers));
  const source = createBatchSource(sampleSource(dataset, cases, index), setup.options);
  return {
    index,
    batch: source.batch,
    get waited() {
      return source.waited;
    },
    close: source.close,
  };
}

async function otherThreads(
  dataset: SegmentationDataset,
  threads: readonly WorkerThread[],
  setup: WorkerSetup,
  preparation: Preparation,
): Promise<WorkerBatchSource> {
  const summarize = threads.map(
    (worker) =>
      (id: string, thorough: boolean): Promise<CaseSummary> =>
        worker.whileWaiting(worker.ask<CaseSummary>({ ask: "summarize", id, thorough })),
  );
  const readers = { summarize, all: setup.cache !== undefined };
  const index = preparation.index ?? (await indexSamples(dataset, preparation.preprocessing, preparation, readers));
  await Promise.all(threads.map((worker) => worker.whileWaiting(worker.ask({ ask: "start", index }))));
  const threadOf = (step: number): WorkerThread => threads[step % threads.length]!;
  const prefetcher = new Prefetcher((step) => threadOf(step).ask<Batch>({ ask: "batch", step }), {
    ahead: setup.options.prefetch ?? 1 + 2 * threads.length,
    start: "immediately",
  });
  const clock = new WaitingClock();
  return {
    index,
    batch: (step) => {
      const batch = clock.during(prefetcher.take(step));
      return Number.isSafeInteger(step) && step >= 0 ? threadOf(step).whileWaiting(batch) : batch;
    },
    get waited() {
      return clock.total;
    },
    close: async () => {
      prefetcher.close();
      await Promise.all(threads.map((worker) => worker.close()));
    },
  };
}
