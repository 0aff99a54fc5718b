const longest = 100;

/** "130 arrays, such as a, b, c". Names in files may be of any length, and one array alone may have none. */
export function describeNames(names: readonly string[]): string {
  const some = names.slice(0, 3).map((name) => (name.length > longest ? `${name.slice(0, longest)}…` : name || "one without a name"));
  return `${names.length} array${names.length === 1 ? "" : "s"}, such as ${some.join(", ")}`;
}
