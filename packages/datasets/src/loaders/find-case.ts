import { HidiffError } from "@hidiff/core-tensor/errors";

/** What a data set knows of a case. Throws `datasets.id` for an unknown one. */
export function findCase<T>(name: string, cases: ReadonlyMap<string, T>, id: string): T {
  const found = cases.get(id);
  if (found !== undefined) return found;
  const known = [...cases.keys()];
  throw new HidiffError(
    "datasets.id",
    `${name}: there is no case "${id}"; ids look like "${known[0]}"${known.length > 1 ? ` and "${known.at(-1)}"` : ""}.`,
  );
}
