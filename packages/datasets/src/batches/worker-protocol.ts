import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import type { DatasetSpec } from "../registry.ts";
import type { Batch } from "../types.ts";
import type { BatchSourceOptions } from "./options.ts";

/** What a worker is started with. */
export interface WorkerSetup {
  readonly spec: DatasetSpec;
  readonly options: BatchSourceOptions;
}

/** The caller asks for a step; `request` numbers the questions. */
export interface BatchRequest {
  readonly request: number;
  readonly step: number;
}

/** An error in a form that crosses threads. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
}

export type BatchReply =
  | { readonly request: number; readonly batch: Batch }
  | { readonly request: number; readonly error: PlainError };

export function toPlainError(error: unknown): PlainError {
  if (isHidiffError(error)) return { code: error.code, message: error.message };
  return { code: "datasets.worker", message: error instanceof Error ? error.message : String(error) };
}

export function fromPlainError({ code, message }: PlainError): HidiffError {
  return new HidiffError(code, message);
}
