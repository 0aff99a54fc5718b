/** JSON for files: indented; undefined, which JSON has not, becomes null, so that every field is there. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, (_key, inner: unknown) => (inner === undefined ? null : inner), 2)}\n`;
}
