import { didYouMean, HidiffError } from "../errors.ts";
import { readStoredArray, type StoredArray } from "./stored-array.ts";
import type { WeightsFile } from "./weights-file.ts";

/** What a file of weights was found to hold. */
export interface FileContents {
  readonly format: WeightsFile["format"];
  readonly arrays: ReadonlyMap<string, StoredArray>;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A file of weights from where its arrays are. */
export function arrayFile({ format, arrays, metadata = {} }: FileContents, name: string, close: () => Promise<void>): WeightsFile {
  return {
    format,
    name,
    entries: new Map([...arrays].map(([key, { shape, dtype }]) => [key, { shape, dtype }])),
    metadata,
    async read(key) {
      const array = arrays.get(key);
      if (array === undefined) throw unknownArray(key, name, [...arrays.keys()]);
      return readStoredArray(array, `${name} (${key})`).catch((error: unknown) => {
        if (!(error instanceof RangeError)) throw error; // of an allocation
        const message = `${name} (${key}): an array of size [${array.shape}] is too large for this system's memory.`;
        throw new HidiffError("weights.size", message, { cause: error });
      });
    },
    close,
  };
}

/** The error of an array that a file does not have. */
export function unknownArray(key: string, name: string, known: readonly string[]): HidiffError {
  return new HidiffError("weights.name", `${name} has no array "${key}", but ${known.length} others.${didYouMean(key, known)}`);
}
