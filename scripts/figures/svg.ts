/** The drawing area of a figure; everything is in its pixels. */
interface FigureSize {
  readonly width: number;
  readonly height: number;
}

/** Colours for light and dark; `series-0` and its like are for curves, the others for what their names say. */
const style = `
  svg { --page: #ffffff; --ink: #1f2328; --muted: #59636e; --line: #d1d9e0; --float: #ddf4ff; --float-edge: #54aeff; --binary: #fff1e5; --binary-edge: #fb8f44; --good: #dafbe1; --good-edge: #4ac26b; --a: #0969da; --b: #bc4c00; --c: #1a7f37; --d: #8250df; }
  @media (prefers-color-scheme: dark) { svg { --page: #0d1117; --ink: #e6edf3; --muted: #9198a1; --line: #3d444d; --float: #0c2d4e; --float-edge: #388bfd; --binary: #3a2410; --binary-edge: #db6d28; --good: #12341d; --good-edge: #3fb950; --a: #4493f8; --b: #f0883e; --c: #3fb950; --d: #ab7df8; } }
  text { font: 13px system-ui, sans-serif; fill: var(--ink); }
  .small { font-size: 11.5px; } .muted { fill: var(--muted); } .bold { font-weight: 600; } .mono { font-family: ui-monospace, monospace; }
  .middle { text-anchor: middle; } .end { text-anchor: end; }
  .page { fill: var(--page); } .grid { stroke: var(--line); } .axis { stroke: var(--muted); } .frame { fill: none; stroke: var(--line); }
  .float { fill: var(--float); stroke: var(--float-edge); } .binary { fill: var(--binary); stroke: var(--binary-edge); } .good { fill: var(--good); stroke: var(--good-edge); } .plain { fill: var(--page); stroke: var(--muted); }
  .arrow { fill: none; stroke: var(--muted); stroke-width: 1.4; marker-end: url(#head); } .dashed { stroke-dasharray: 5 4; } .head { fill: var(--muted); }
  .curve { fill: none; stroke-width: 2; } .dot { stroke: none; }
  .series-0 { stroke: var(--a); fill: var(--a); } .series-1 { stroke: var(--b); fill: var(--b); } .series-2 { stroke: var(--c); fill: var(--c); } .series-3 { stroke: var(--d); fill: var(--d); }
  .curve.series-0, .curve.series-1, .curve.series-2, .curve.series-3 { fill: none; }
  text.series-0, text.series-1, text.series-2, text.series-3 { stroke: none; }
  image { image-rendering: pixelated; }`;

/** A whole SVG file, readable on light and dark pages. `description` is what is read aloud in its place. */
export function figure({ width, height }: FigureSize, description: string, parts: readonly string[]): string {
  const head = `<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 0 8 4 0 8Z"/></marker>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">` +
    `<title>${escape(description)}</title><style>${style}</style><defs>${head}</defs>` +
    `<rect class="page" width="${width}" height="${height}" rx="8"/>\n${parts.join("\n")}\n</svg>\n`
  );
}

/** Text whose baseline begins (or, by its classes `middle` and `end`, is centred or ends) at x, y. */
export function text(x: number, y: number, content: string, classes = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}">${escape(content)}</text>`;
}

/** A box with centred lines; the first is bold. */
export function box(x: number, y: number, { width, height }: FigureSize, lines: readonly string[], classes: string): string {
  const first = y + height / 2 + 4.5 - (lines.length - 1) * 8;
  const labels = lines.map((line, index) => text(x + width / 2, first + 16 * index, line, index === 0 ? "middle bold" : "middle small muted"));
  return `<rect x="${round(x)}" y="${round(y)}" width="${width}" height="${height}" rx="6" class="${classes}"/>${labels.join("")}`;
}

/** A line with an arrow's head, through the points. */
export function arrow(points: readonly (readonly [number, number])[], classes = ""): string {
  return `<polyline class="arrow ${classes}" points="${points.map(([x, y]) => `${round(x)},${round(y)}`).join(" ")}"/>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, classes: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${classes}"/>`;
}

/** A square picture with a frame. */
export function picture(x: number, y: number, size: number, dataUrl: string): string {
  return (
    `<image x="${round(x)}" y="${round(y)}" width="${size}" height="${size}" href="${dataUrl}"/>` +
    `<rect x="${round(x)}" y="${round(y)}" width="${size}" height="${size}" class="frame"/>`
  );
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
