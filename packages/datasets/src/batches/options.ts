import { HidiffError } from "@hidiff/core-tensor/errors";
import type { AugmentationOptions } from "../augmentation/options.ts";
import type { SplitName } from "../types.ts";

/** What a batch source draws from the samples of a data set. Plain values only, so that it can be stored and sent to a worker. */
export interface BatchSourceOptions {
  readonly split: SplitName;
  readonly batchSize: number;
  /** The side of the random windows in pixels, or [height, width]; whole images (of one size) where it is missing. */
  readonly cropSize?: number | readonly [height: number, width: number] | undefined;
  /** None where it is missing. */
  readonly augmentation?: AugmentationOptions;
  readonly seed: number | string;
  /** The smallest fraction of each window that shall lie in the field of view. Default 0: any window. */
  readonly fieldOfViewFraction?: number;
  /** How many batches are made ahead. Default 1, with workers one and two more for each. */
  readonly prefetch?: number;
  /** How many bytes of samples are kept in memory, in all workers together. Default 1 GiB. */
  readonly cacheBytes?: number;
}

/** The window's [height, width]; `undefined` for whole images. */
export function windowSize(cropSize: BatchSourceOptions["cropSize"]): readonly [number, number] | undefined {
  if (cropSize === undefined) return undefined;
  return typeof cropSize === "number" ? [cropSize, cropSize] : cropSize;
}

/** Throws `datasets.option` for a value out of range. */
export function checkBatchSourceOptions(options: BatchSourceOptions): void {
  const [height, width] = windowSize(options.cropSize) ?? [1, 1];
  positiveInteger("batchSize", options.batchSize);
  positiveInteger("cropSize", height);
  positiveInteger("cropSize", width);
  const fraction = options.fieldOfViewFraction ?? 0;
  if (!(fraction >= 0 && fraction <= 1)) fail("fieldOfViewFraction", "a number in [0, 1]", fraction);
  const cacheBytes = options.cacheBytes ?? 0;
  if (!(cacheBytes >= 0)) fail("cacheBytes", "a number ≥ 0", cacheBytes);
  const prefetch = options.prefetch ?? 0;
  if (!Number.isInteger(prefetch) || prefetch < 0) fail("prefetch", "an integer ≥ 0", prefetch);
}

function positiveInteger(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) fail(name, "a positive integer", value);
}

function fail(name: string, expected: string, value: number): never {
  throw new HidiffError("datasets.option", `createBatchSource: ${name} must be ${expected}, got ${value}.`);
}
