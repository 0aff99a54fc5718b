/** The page's style sheet: light and dark, wide and narrow. */
export const pageStyle: string = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #ffffff; --ink: #1b2430; --soft: #5c6877; --line: #dfe4ea; --accent: #0b7285; --good: #18794e; --bad: #c0362c;
  --series-0: #8a94a3; --series-1: #2f6fde; --series-2: #d9730d; --series-3: #8250df; --series-4: #0b7285; --frame: #cfd6de;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151b; --card: #1a2029; --ink: #e8ecf1; --soft: #9aa6b5; --line: #2c3542; --accent: #4fc3d7; --good: #52c991; --bad: #ff7b70;
    --series-0: #7d8897; --series-1: #6ea3ff; --series-2: #ffa04d; --series-3: #b48cff; --series-4: #4fc3d7; --frame: #364150;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: clamp(1.7rem, 4.5vw, 2.5rem); line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 12px; }
h2 { font-size: 1.25rem; margin: 48px 0 6px; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0 0 12px; max-width: 72ch; }
.soft, figcaption { color: var(--soft); }
.lead { font-size: 1.08rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 28px 0 0; }
.number { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; }
.number b { display: block; font-size: 1.85rem; line-height: 1.2; font-variant-numeric: tabular-nums; letter-spacing: -0.02em; }
.number span { color: var(--soft); font-size: 0.88rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px; margin: 16px 0 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.94rem; }
.small { font-size: 0.85rem; margin: 10px 0 0; max-width: none; }
th, td { padding: 7px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.wrapping tbody :is(th, td) { white-space: normal; }
.wrapping tbody th { min-width: 9em; }
thead th { color: var(--soft); font-weight: 500; font-size: 0.85rem; }
tbody th { font-weight: 600; }
.chart { display: block; width: 100%; height: auto; }
.chart .grid { stroke: var(--line); }
.chart .axis { stroke: var(--soft); }
.chart .divider { stroke: var(--soft); stroke-dasharray: 3 4; }
.chart .band { fill: var(--soft); fill-opacity: 0.2; }
.narrow { display: none; }
.chart .tick { fill: var(--soft); font-size: 12.5px; font-family: inherit; }
.chart .name { fill: var(--ink); }
.chart .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart .faint { stroke-width: 1; stroke-opacity: 0.28; }
${[0, 1, 2, 3, 4].map((series) => `.curve.series-${series} { stroke: var(--series-${series}); } :is(.dot, .bar).series-${series} { fill: var(--series-${series}); }`).join("\n")}
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 16px; margin-top: 16px; }
.charts > .card { margin: 0; min-width: 0; }
.card h3 { margin-bottom: 10px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 0.88rem; color: var(--soft); margin: 10px 0 0; padding: 0; list-style: none; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 7px; vertical-align: -1px; border: 1px solid var(--frame); }
.case-head { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 16px; align-items: baseline; margin-bottom: 12px; font-variant-numeric: tabular-nums; }
figure { margin: 0; min-width: 0; }
figure img { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 6px; border: 1px solid var(--frame); background: #000; }
figcaption { font-size: 0.8rem; margin-top: 4px; line-height: 1.3; }
.overview { display: grid; grid-template-columns: repeat(7, 1fr); gap: 12px; }
.steps { display: grid; margin-top: 16px; grid-auto-flow: column; grid-auto-columns: minmax(84px, 1fr); gap: 8px; overflow-x: auto; padding-bottom: 6px; }
.step { display: grid; gap: 6px; }
.step p { font-size: 0.8rem; text-align: center; margin: 0; color: var(--soft); font-variant-numeric: tabular-nums; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 16px 12px; margin-top: 16px; align-items: start; }
.sheet figcaption { overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 12px; }
figure img.smooth { image-rendering: auto; }
.reason { color: var(--soft); font-weight: 400; font-size: 0.88rem; margin-left: 10px; }
.film { margin-top: 16px; display: grid; grid-template-columns: 148px minmax(0, 1fr); gap: 6px 16px; }
.film > p { grid-column: 1 / -1; margin: 0; max-width: none; }
.film .steps { margin: 0; align-items: start; grid-auto-columns: minmax(72px, 1fr); } .film .step { grid-template-columns: minmax(0, 1fr); }
.frame { background-image: var(--sheet); background-size: calc(100% * var(--frames)) 200%; background-position: calc(100% * var(--place)) 0; background-color: #000; image-rendering: pixelated; border-radius: 6px; border: 1px solid var(--line); aspect-ratio: var(--ratio); }
.frame.estimate { background-position-y: 100%; }
.playing { display: grid; gap: 6px; align-content: start; }
.playing .frame { animation: play calc(var(--frames) * 0.45s + 1s) steps(var(--frames), jump-none) infinite; }
@keyframes play { from { background-position-x: 0; } 80%, to { background-position-x: 100%; } }
.playing label { font-size: 0.8rem; color: var(--soft); }
.playing:has(input:checked) .frame { animation-play-state: paused; }
@media (prefers-reduced-motion: reduce) { .playing .frame { animation: none; background-position-x: 100%; } .playing label { display: none; } }
.facts th { vertical-align: top; } .facts td { white-space: normal; text-align: left; overflow-wrap: anywhere; }
.tall { max-height: 70vh; overflow: auto; }
.tall .scroll { overflow: visible; }
.tall thead th { position: sticky; top: 0; background: var(--card); z-index: 1; }
.tall :is(thead, tbody) th:first-child { position: sticky; left: 0; background: var(--card); }
.tall thead th:first-child { z-index: 2; }
.sortable thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-decoration: underline dotted; text-underline-offset: 3px; }
.sortable [aria-sort] button { color: var(--ink); font-weight: 600; }
.sortable [aria-sort="ascending"] button::after { content: " \u2191"; } .sortable [aria-sort="descending"] button::after { content: " \u2193"; }
pre { overflow: auto; margin: 10px 0 0; font-size: 0.82rem; line-height: 1.45; max-height: 70vh; }
.findings { margin: 0; padding: 0; list-style: none; display: grid; gap: 10px; }
details summary { cursor: pointer; color: var(--soft); font-size: 0.85rem; }
code { font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--card); border: 1px solid var(--line); border-radius: 5px; padding: 1px 5px; overflow-wrap: anywhere; }
@media (max-width: 760px) {
  main { padding: 26px 14px 48px; }
  .numbers { grid-template-columns: 1fr 1fr; }
  .overview { grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 10px; }
  .card { padding: 14px; }
  .wide { display: none; }
  .narrow { display: block; }
  .steps { grid-auto-columns: 78px; }
  .pictures { grid-template-columns: 1fr 1fr; gap: 10px; }
  .film { grid-template-columns: 108px minmax(0, 1fr); }
}
`;
