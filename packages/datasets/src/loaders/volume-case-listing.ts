import { isHidiffError } from "@hidiff/core-tensor/errors";

/** What happens to a case whose files are missing or cannot be read when the data set is opened. */
export type BadFiles = "error" | "skip";

/** How many files are open at a time. */
const concurrency = 16;

/**
 * The results of `task` in the items' order; at most `limit` run at a time. After a failure nothing more is started; the
 * first item that failed, in the items' order, decides the error, so that it is the same every time.
 */
export async function mapBounded<T, R>(items: readonly T[], limit: number, task: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failures = new Map<number, unknown>();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length && failures.size === 0) {
      const index = next++;
      try {
        results[index] = await task(items[index]!);
      } catch (error) {
        failures.set(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
  return results;
}

/**
 * What `find` gives for each id, such as its files and depth.
 *
 * @param badFiles `skip` leaves out the cases for which `find` throws a HidiffError, each with a note that says why
 */
export async function findCases<T>(
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
