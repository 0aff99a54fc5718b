import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import type { SegmentationDataset } from "./types.ts";

/** A data set by name with its options: plain values only, so that it can be stored and sent to a worker. */
export interface DatasetSpec {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** How a registry makes a data set, and which options it takes. */
export interface DatasetEntry {
  readonly options: readonly string[];
  open(spec: DatasetSpec): SegmentationDataset | Promise<SegmentationDataset>;
}

/** Data sets by name. */
export class DatasetRegistry {
  readonly #entries: Map<string, DatasetEntry>;

  constructor(entries: Iterable<readonly [string, DatasetEntry]> = []) {
    this.#entries = new Map(entries);
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  entries(): IterableIterator<[string, DatasetEntry]> {
    return this.#entries.entries();
  }

  /** Adds a data set of your own. Throws `datasets.registered` where the name is taken. */
  register(name: string, entry: DatasetEntry): void {
    if (this.#entries.has(name)) {
      throw new HidiffError("datasets.registered", `register: there is already a data set "${name}"; choose another name.`);
    }
    this.#entries.set(name, entry);
  }

  /** Opens a data set. Throws `datasets.unknown` for an unknown name, `datasets.option` for an option it does not take. */
  async open(spec: DatasetSpec): Promise<SegmentationDataset> {
    const entry = this.#entries.get(spec.name);
    if (entry === undefined) {
      throw new HidiffError(
        "datasets.unknown",
        `openDataset: there is no data set "${spec.name}".${didYouMean(spec.name, this.names)} Known: ${this.names.join(", ")}.`,
      );
    }
    for (const option of Object.keys(spec)) {
      if (option !== "name" && !entry.options.includes(option)) {
        throw new HidiffError(
          "datasets.option",
          `openDataset: "${spec.name}" has no option "${option}".${didYouMean(option, entry.options)} ` +
            `It takes: ${entry.options.join(", ")}.`,
        );
      }
    }
    return entry.open(spec);
  }
}
