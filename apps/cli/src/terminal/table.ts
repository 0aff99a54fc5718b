import { stripVTControlCharacters } from "node:util";

/** A table as text: the first column to the left, the others to the right. Cells may have colours. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = (text: string): number => stripVTControlCharacters(text).length;
  const widths = header.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ""))));
  const line = (cells: readonly string[]): string =>
    widths
      .map((total, column) => {
        const cell = cells[column] ?? "";
        const space = " ".repeat(total - width(cell));
        return column === 0 ? cell + space : space + cell;
      })
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((total) => "─".repeat(total)).join("──"), ...rows.map(line)].join("\n");
}
