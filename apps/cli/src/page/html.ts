const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** A text for use in HTML, in content and in attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}

/** A table; cells of the first column are headings of their rows. @param className of the style sheet, such as sortable */
export function htmlTable(header: readonly string[], rows: readonly (readonly string[])[], className: string = ""): string {
  const head = header.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join("");
  const body = rows.map(([label = "", ...cells]) => `<tr><th scope="row">${escapeHtml(label)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`);
  return `<div class="scroll" tabindex="0"><table${className === "" ? "" : ` class="${className}"`}>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody></table></div>`;
}

/** One number with what it counts. @param tone a class of the style sheet: good or bad */
export function htmlNumber(value: string, label: string, tone: string = ""): string {
  return `<div class="number"><b class="${tone}">${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`;
}

/** Names and values of what someone needs to know to repeat a result. */
export function htmlFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  const rows = facts.map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`);
  return `<div class="card scroll facts" tabindex="0"><table><tbody>${rows.join("")}</tbody></table></div>`;
}

/** The class of wide pictures: the browser makes them smaller, and must not do so by leaving out pixels. Small ones stay sharp. */
export function smoothClass(width: number): string {
  return width >= 320 ? ` class="smooth"` : "";
}
