/**
 * The script of pages with long tables: the headings of tables of the class `sortable` become buttons that sort them.
 * Numbers are sorted as numbers, and cells without a value come last. Without the script the tables are complete, too.
 */
export const sortTables = `
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      const text = (row) => row.cells[column].textContent.replace("\u2212", "-");
      const compare = (first, second) => {
        const [a, b] = [text(first), text(second)];
        if (a === "\u2013" || b === "\u2013") return (a === "\u2013") - (b === "\u2013");
        return direction * (Number.isNaN(Number(a)) || Number.isNaN(Number(b)) ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort(compare));
    });
  });
}
`;
