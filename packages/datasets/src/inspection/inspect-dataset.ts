import { isHidiffError } from "@hidiff/core-tensor/errors";
import { namesByLabel } from "../class-names.ts";
import type { SegmentationCase, SegmentationDataset, SplitName } from "../types.ts";
import { caseFacts, type CaseFacts } from "./case-facts.ts";
import { type Finding, findProblems } from "./findings.ts";

/** Everything that reading a data set once tells. */
export interface DatasetInspection {
  readonly dataset: string;
  readonly imageChannels: number;
  /** One name a class, the background first. */
  readonly classNames: readonly string[];
  /** Of every case that could be read, in the order of the splits. */
  readonly facts: readonly CaseFacts[];
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  readonly findings: readonly Finding[];
}

export interface InspectOptions {
  /** Called after each case; without `item` for one that cannot be read. */
  readonly onCase?: (done: number, total: number, facts: CaseFacts | undefined, item: SegmentationCase | undefined) => void | Promise<void>;
}

/** Reads every case of a data set. What cannot be read is reported, and the others are read all the same. */
export async function inspectDataset(dataset: SegmentationDataset, { onCase }: InspectOptions = {}): Promise<DatasetInspection> {
  const classNames = namesByLabel(dataset);
  const facts: CaseFacts[] = [];
  const unreadable: { id: string; reason: string }[] = [];
  const places = (Object.entries(dataset.splits) as [SplitName, readonly string[]][]).flatMap(([split, ids]) => ids.map((id) => ({ split, id })));
  for (const [index, { split, id }] of places.entries()) {
    let item: SegmentationCase | undefined;
    let known: CaseFacts | undefined;
    try {
      item = await dataset.load(id);
      known = caseFacts(item, { split, group: dataset.groups?.get(id), classes: classNames.length });
      facts.push(known);
    } catch (error) {
      if (!isHidiffError(error)) throw error;
      unreadable.push({ id, reason: error.message });
    }
    await onCase?.(index + 1, places.length, known, known === undefined ? undefined : item);
  }
  const observations = { facts, unreadable, splits: dataset.splits, classNames, notes: dataset.notes ?? [] };
  return { dataset: dataset.name, imageChannels: dataset.imageChannels, classNames, facts, unreadable, findings: findProblems(observations) };
}
