import { isHidiffError } from "@hidiff/core-tensor/errors";
import { mapBounded } from "../../files/map-bounded.ts";

/** What happens to a case whose files are missing or cannot be read when the data set is opened. */
export type BadFiles = "error" | "skip";

/** How many files are open at a time. */
const concurrency = 16;

/**
 * What `find` gives for each id, such as its files and depth.
 *
 * @param badFiles `skip` leaves out the cases for which `find` throws a HidiffError, each with a note that says why
 */
export async function findReadable<T>(
  ids: readonly string[],
  badFiles: BadFiles,
  find: (id: string) => Promise<T>,
): Promise<{ cases: Map<string, T>; notes: string[] }> {
  const notes = new Map<string, string>();
  const found = await mapBounded(ids, concurrency, async (id) => {
    try {
      return { id, value: await find(id) };
    } catch (error) {
      if (badFiles === "error" || !isHidiffError(error)) throw error;
      notes.set(id, `The case "${id}" is left out: ${error.message}`);
      return undefined;
    }
  });
  return {
    cases: new Map(found.filter((entry) => entry !== undefined).map(({ id, value }) => [id, value])),
    notes: ids.flatMap((id) => notes.get(id) ?? []),
  };
}
