import { HidiffError } from "@hidiff/core-tensor/errors";

/**
 * Checks that no id stands twice: in two of the lists, or in one of them.
 *
 * @param operation who asks, for the error's message
 * @param lists ids by a name that tells the user where they come from, such as `train.txt`; as pairs where two lists may have
 * the same name, such as a file that is named for two splits
 * @throws `datasets.overlap` that names both lists, how many ids they share, and the first of them
 */
export function checkDisjoint(
  operation: string,
  lists: Readonly<Record<string, readonly string[]>> | readonly (readonly [name: string, ids: readonly string[]])[],
): void {
  const seen = new Map<string, string>();
  const shared = new Map<string, string[]>();
  for (const [name, ids] of Array.isArray(lists) ? (lists as readonly (readonly [string, readonly string[]])[]) : Object.entries(lists)) {
    for (const id of ids) {
      const first = seen.get(id);
      if (first === undefined) {
        seen.set(id, name);
        continue;
      }
      const pair = JSON.stringify([first, name]);
      const known = shared.get(pair);
      if (known === undefined) shared.set(pair, [id]);
      else known.push(id);
    }
  }
  if (shared.size === 0) return;
  const problems = [...shared].map(([pair, ids]) => {
    const [first, second] = JSON.parse(pair) as [string, string];
    const amount = `${ids.length} ${ids.length === 1 ? "id" : "ids"}`;
    const where = first === second ? `"${first}" names ${amount} twice, or is used twice` : `"${first}" and "${second}" share ${amount}`;
    return `${where} (${firstFew(ids)})`;
  });
  throw new HidiffError(
    "datasets.overlap",
    `${operation}: ${problems.join("; ")}. A case may be in one split only, else the scores are of images that the model has seen: ` +
      `use lists of one publication together, or take the shared ids out of one of them.`,
  );
}

/**
 * Checks that the cases of one patient or sequence are in one split.
 *
 * @throws `datasets.leak` that names the first such group, its cases and their splits
 */
export function checkGroups(
  operation: string,
  splits: Readonly<Record<string, readonly string[]>>,
  groups: ReadonlyMap<string, string>,
): void {
  const places = new Map<string, { readonly split: string; readonly id: string }>();
  for (const [split, ids] of Object.entries(splits)) {
    for (const id of ids) {
      const group = groups.get(id);
      if (group === undefined) continue;
      const place = places.get(group);
      if (place === undefined) places.set(group, { split, id });
      else if (place.split !== split) {
        throw new HidiffError(
          "datasets.leak",
          `${operation}: "${place.id}" (${place.split}) and "${id}" (${split}) belong together (group "${group}"), but are in different ` +
            `splits. Put all cases of a group into one split.`,
        );
      }
    }
  }
}

/** A note about the cases that no list names, if there are any. */
export function unlistedNote(ids: readonly string[], splits: Readonly<Record<string, readonly string[]>>): string[] {
  const listed = new Set(Object.values(splits).flat());
  const left = ids.filter((id) => !listed.has(id));
  return left.length === 0 ? [] : [`${left.length} of the ${ids.length} cases are in no list and not used: ${firstFew(left)}.`];
}

/** The first of many names, for a message. */
export function firstFew(names: readonly string[], count: number = 3): string {
  return names.slice(0, count).join(", ") + (names.length > count ? ", …" : "");
}
