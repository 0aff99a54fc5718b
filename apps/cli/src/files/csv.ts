/** A value of a table; undefined is an empty cell. */
type Cell = string | number | boolean | undefined;

/** Comma-separated values as RFC 4180 has them, with a line of names, lines ending in a line feed. */
export function formatCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map((row) => `${row.map(formatCell).join(",")}\n`).join("");
}

function formatCell(value: Cell): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
