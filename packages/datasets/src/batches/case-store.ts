import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import type { Preprocessing } from "../preprocessing/schema.ts";
import type { SegmentationDataset } from "../types.ts";
import { openCase, type PreparedCase, type PreparedSlice } from "./prepared-case.ts";

/** What must be known of a case to choose among its slices. */
export interface CaseSummary {
  /** How many slices it has after preprocessing. */
  readonly depth: number;
  /** The slices that show anything but background, in order. */
  readonly foreground: readonly number[];
}

/** Where preprocessed slices come from. */
export interface CaseStore {
  /** @param thorough whether every slice is computed, and so checked, too */
  summarize(id: string, thorough: boolean): Promise<CaseSummary>;
  /** @param depth how many slices the case has, as its summary said */
  slice(id: string, slice: number, depth: number): Promise<PreparedSlice>;
}

interface SliceRequest {
  readonly slice: number;
  resolve(slice: PreparedSlice): void;
  reject(error: unknown): void;
}

/**
 * Slices straight from a data set. Of cases with several slices, one is open at a time, so that any number of requests
 * needs no more memory than the largest case: what is asked of the open one comes first.
 */
export class DatasetCases implements CaseStore {
  readonly #dataset: SegmentationDataset;
  readonly #preprocessing: Preprocessing;
  readonly #requests = new Map<string, SliceRequest[]>();
  #open: { readonly id: string; readonly case: PreparedCase } | undefined;
  #serving = false;

  constructor(dataset: SegmentationDataset, preprocessing: Preprocessing) {
    this.#dataset = dataset;
    this.#preprocessing = preprocessing;
  }

  /** Reads and preprocesses a case, whatever is open. */
  async open(id: string): Promise<PreparedCase> {
    try {
      return await openCase(this.#dataset, this.#preprocessing, id);
    } catch (error) {
      if (isHidiffError(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new HidiffError("datasets.case", `load: "${id}" of "${this.#dataset.name}" cannot be read: ${reason}.`, { cause: error });
    }
  }

  async summarize(id: string, thorough: boolean): Promise<CaseSummary> {
    const prepared = await this.open(id);
    const foreground: number[] = [];
    for (let slice = 0; slice < prepared.depth; slice++) {
      const shows = thorough ? prepared.slice(slice).labels.some((label) => label !== 0) : prepared.hasForeground(slice);
      if (shows) foreground.push(slice);
    }
    return { depth: prepared.depth, foreground };
  }

  async slice(id: string, slice: number, depth: number): Promise<PreparedSlice> {
    if (depth === 1) return (await this.open(id)).slice(slice);
    return new Promise((resolve, reject) => {
      const request = { slice, resolve, reject };
      const known = this.#requests.get(id);
      if (known === undefined) this.#requests.set(id, [request]);
      else known.push(request);
      if (!this.#serving) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#serving = true;
    while (this.#requests.size > 0) {
      const id = this.#open !== undefined && this.#requests.has(this.#open.id) ? this.#open.id : [...this.#requests.keys()][0]!;
      try {
        if (this.#open?.id !== id) {
          this.#open = undefined; // released before the next one is read
          this.#open = { id, case: await this.open(id) };
        }
        for (const { slice, resolve, reject } of this.#take(id)) {
          try {
            resolve(this.#open.case.slice(slice));
          } catch (error) {
            reject(error);
          }
        }
      } catch (error) {
        for (const { reject } of this.#take(id)) reject(error);
      }
    }
    this.#serving = false;
  }

  #take(id: string): readonly SliceRequest[] {
    const requests = this.#requests.get(id) ?? [];
    this.#requests.delete(id);
    return requests;
  }
}
