import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import type { Preprocessing } from "../preprocessing/schema.ts";
import type { PriorOptions } from "../priors/with-priors.ts";
import type { DatasetSpec } from "../registry.ts";
import type { BatchSourceOptions } from "./options.ts";
import type { SampleIndex } from "./sample-index.ts";
import type { SliceCacheOptions } from "./slice-cache.ts";

/** What a worker is started with. */
export interface WorkerSetup {
  readonly spec: DatasetSpec;
  readonly preprocessing: Preprocessing;
  readonly priors: PriorOptions | undefined;
  readonly options: BatchSourceOptions;
  readonly cache: Pick<SliceCacheOptions, "folder" | "expected"> | undefined;
}

/** What a worker is asked: to read a case, to go by an index from now on, to make the batch of a step. */
export type WorkerQuestion =
  | { readonly ask: "summarize"; readonly id: string; readonly thorough: boolean }
  | { readonly ask: "start"; readonly index: SampleIndex }
  | { readonly ask: "batch"; readonly step: number };

/** `request` numbers the questions. */
export interface WorkerRequest {
  readonly request: number;
  readonly question: WorkerQuestion;
}

/** An error in a form that crosses threads. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
}

/** `answer`: a summary, nothing, or a batch. */
export type WorkerReply =
  | { readonly request: number; readonly answer: unknown }
  | { readonly request: number; readonly error: PlainError };

export function toPlainError(error: unknown): PlainError {
  if (isHidiffError(error)) return { code: error.code, message: error.message };
  return { code: "datasets.worker", message: error instanceof Error ? error.message : String(error) };
}

export function fromPlainError({ code, message }: PlainError): HidiffError {
  return new HidiffError(code, message);
}
