const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** A text for use in HTML, in content and in attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}

/** A table; cells of the first column are headings of their rows. */
export function htmlTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join("");
  const body = rows.map(([label = "", ...cells]) => `<tr><th scope="row">${escapeHtml(label)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`);
  return `<div class="scroll"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody></table></div>`;
}

/** One number with what it counts. @param tone a class of the style sheet: good or bad */
export function htmlNumber(value: string, label: string, tone: string = ""): string {
  return `<div class="number"><b class="${tone}">${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`;
}
