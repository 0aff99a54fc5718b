/** Ids that belong together. */
export interface IdGroup {
  readonly name: string;
  readonly ids: readonly string[];
}

/** The ids by group, in the order in which the groups appear; an id without a group is one by itself. */
export function groupIds(ids: readonly string[], groups?: ReadonlyMap<string, string>): IdGroup[] {
  const found = new Map<string, string[]>();
  for (const id of ids) {
    // The prefixes keep an id from being taken for a group of the same name.
    const group = groups?.get(id);
    const key = group === undefined ? `id:${id}` : `group:${group}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, [id]);
    else known.push(id);
  }
  return [...found].map(([key, members]) => ({ name: key.slice(key.indexOf(":") + 1), ids: members }));
}
