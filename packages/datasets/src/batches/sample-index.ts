import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import type { BadCasePolicy } from "../loaders/skipping.ts";
import type { Preprocessing } from "../preprocessing/schema.ts";
import type { SegmentationDataset, SplitName } from "../types.ts";
import type { CaseSummary } from "./case-store.ts";

/** Which slices of a case are samples. */
export interface CaseSamples {
  readonly id: string;
  /** How many slices it has after preprocessing. */
  readonly depth: number;
  /** All of them where it is missing. */
  readonly slices?: readonly number[];
}

/** Which slices of a data set are samples, in its order. Plain values only, so that it can be sent to a worker. */
export interface SampleIndex {
  readonly splits: Readonly<Record<SplitName, readonly CaseSamples[]>>;
  /** Cases that cannot be read and were left out. */
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

export interface PreparationOptions {
  /** The splits to prepare, the others are empty. Default: all. */
  readonly splits?: readonly SplitName[] | undefined;
  /** Which slices of cases with several are samples. Default "all". */
  readonly slices?: "all" | "foreground" | undefined;
  /**
   * What a case does that cannot be read: "error" (default) rejects when the case is first needed; with "skip" every case
   * is read once before the first sample, and those that fail are left out.
   */
  readonly badCases?: BadCasePolicy | undefined;
  /** Called for every case that is left out. */
  readonly onBadCase?: ((id: string, error: Error) => void) | undefined;
  /** Called after each case, where cases have to be read first. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Stops reading with `datasets.stopped`. */
  readonly signal?: AbortSignal | undefined;
}

/** How cases are read: one function for each thread that reads them at a time. */
interface CaseReaders {
  readonly summarize: readonly ((id: string, thorough: boolean) => Promise<CaseSummary>)[];
  /** Whether every case has to be read, such as to fill a cache. */
  readonly all: boolean;
}

const everySplit: readonly SplitName[] = ["train", "validation", "test"];

/**
 * Lists the samples of a data set. A case is read for that only where it must be: for its foreground, where preprocessing
 * changes the number of its slices, or to find out whether it can be read.
 *
 * @throws `datasets.stopped`, and what reading throws, for `badCases: "error"`
 */
export async function indexSamples(
  dataset: SegmentationDataset,
  preprocessing: Preprocessing,
  { splits = everySplit, slices = "all", badCases = "error", onBadCase, onProgress, signal }: PreparationOptions,
  readers: CaseReaders,
): Promise<SampleIndex> {
  const thorough = readers.all || badCases === "skip";
  const ids = [...new Set(splits.flatMap((split) => dataset.splits[split]))];
  const toRead = ids.filter((id) => {
    const depth = dataset.depthOf(id);
    return thorough || (slices === "foreground" && depth > 1) || changesDepth(preprocessing, depth);
  });
  const summaries = new Map<string, CaseSummary>();
  const reasons = new Map<string, string>();
  let [next, done] = [0, 0];
  const read = async (summarize: CaseReaders["summarize"][number]): Promise<void> => {
    for (;;) {
      if (signal?.aborted === true) throw new HidiffError("datasets.stopped", `prepare: stopped after ${done} of ${toRead.length} cases.`);
      const id = toRead[next++];
      if (id === undefined) return;
      try {
        summaries.set(id, await summarize(id, thorough));
      } catch (caught) {
        const error = caught instanceof Error ? caught : new Error(String(caught));
        if (badCases === "error" || !isOfCase(error)) {
          next = toRead.length; // for the other readers
          throw error;
        }
        reasons.set(id, error.message);
        onBadCase?.(id, error);
      }
      onProgress?.(++done, toRead.length);
    }
  };
  const outcomes = await Promise.allSettled(readers.summarize.map(read));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;

  const samplesOf = (id: string): CaseSamples => {
    const { depth, foreground } = summaries.get(id) ?? { depth: dataset.depthOf(id), foreground: [] };
    return slices === "foreground" && depth > 1 ? { id, depth, slices: foreground } : { id, depth };
  };
  const list = (split: SplitName): CaseSamples[] =>
    splits.includes(split) ? dataset.splits[split].filter((id) => !reasons.has(id)).map(samplesOf) : [];
  return {
    splits: { train: list("train"), validation: list("validation"), test: list("test") },
    skipped: toRead.filter((id) => reasons.has(id)).map((id) => ({ id, reason: reasons.get(id)! })),
  };
}

function changesDepth(preprocessing: Preprocessing, depth: number): boolean {
  return preprocessing.some((step) => (step.step === "crop-foreground" && depth > 1) || (step.step === "resample" && step.spacing[0] !== null));
}

const failuresOfTheRun: ReadonlySet<string> = new Set(["datasets.worker", "datasets.closed", "datasets.space", "file.write"]);

/** Whether another case may well be read after this error. */
function isOfCase(error: Error): boolean {
  return !isHidiffError(error) || !failuresOfTheRun.has(error.code);
}

/** A sample's place in its data set. */
interface SamplePlace {
  readonly caseId: string;
  readonly depth: number;
  readonly slice: number;
}

/** The samples of each split by id: the case's own for a single slice, otherwise with the slice's number, `case/012`. */
export function listSamples(index: SampleIndex): { splits: Readonly<Record<SplitName, readonly string[]>>; places: ReadonlyMap<string, SamplePlace> } {
  const places = new Map<string, SamplePlace>();
  const list = (cases: readonly CaseSamples[]): string[] =>
    cases.flatMap(({ id: caseId, depth, slices }) =>
      (slices ?? Array.from({ length: depth }, (_, slice) => slice)).map((slice) => {
        const id = depth === 1 ? caseId : `${caseId}/${String(slice).padStart(3, "0")}`;
        if ((places.get(id)?.caseId ?? caseId) !== caseId) {
          throw new HidiffError("datasets.id", `prepare: "${id}" names a slice of the case "${caseId}" and another case; rename one of them.`);
        }
        places.set(id, { caseId, depth, slice });
        return id;
      }),
    );
  const { train, validation, test } = index.splits;
  return { splits: { train: list(train), validation: list(validation), test: list(test) }, places };
}
