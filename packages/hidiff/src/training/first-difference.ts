/** The first field in which two plain objects differ, by its path and both values, as text; undefined for equal ones. */
export function firstDifference(found: object, expected: object, path: string = ""): string | undefined {
  const [a, b] = [found, expected] as [Record<string, unknown>, Record<string, unknown>];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const name = path + key;
    if (typeof a[key] === "object" && typeof b[key] === "object" && a[key] !== null && b[key] !== null) {
      const inner = firstDifference(a[key], b[key], `${name}.`);
      if (inner !== undefined) return inner;
    } else if (a[key] !== b[key]) {
      return `${name} is ${JSON.stringify(a[key])} there and ${JSON.stringify(b[key])} here`;
    }
  }
  return undefined;
}
