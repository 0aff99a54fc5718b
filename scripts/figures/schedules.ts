import { createSchedule, cumulativeAlphas, type ScheduleName } from "@hidiff/bernoulli-diffusion";
import { figure, line, round, text } from "./svg.ts";

/** How many steps each schedule has here: `linear` needs 20. */
const drawn: readonly { readonly name: ScheduleName; readonly steps: number; readonly label: string }[] = [
  { name: "cosine", steps: 10, label: "cosine, T = 10 (the default)" },
  { name: "cosine-squared", steps: 10, label: "cosine-squared, T = 10" },
  { name: "linear-alpha-bar", steps: 10, label: "linear-alpha-bar, T = 10" },
  { name: "linear", steps: 20, label: "linear, T = 20" },
];
const plot = { width: 300, height: 210 };

/** ᾱ and β of the named schedules over the relative time (t + 1) / T. */
export function schedules(): string {
  const panels = [
    { title: "ᾱ: what is left of the true mask", values: (betas: number[]) => cumulativeAlphas(betas) },
    { title: "β: what a step replaces by the prior", values: (betas: number[]) => betas },
  ];
  const parts = panels.flatMap(({ title, values }, index) => {
    const [left, top] = [60 + index * (plot.width + 70), 44];
    const x = (u: number): number => left + u * plot.width;
    const y = (value: number): number => top + (1 - value) * plot.height;
    const ticks = [0, 0.25, 0.5, 0.75, 1];
    const grid = ticks.flatMap((value) => [
      line(left, y(value), left + plot.width, y(value), "grid"),
      text(left - 8, y(value) + 4, String(value), "end small muted"),
      text(x(value), top + plot.height + 18, String(value), "middle small muted"),
    ]);
    const curves = drawn.map(({ name, steps }, series) => {
      const points = values(createSchedule(name, steps)).map((value, t) => [round(x((t + 1) / steps)), round(y(value))] as const);
      const dots = points.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="2.6" class="dot series-${series}"/>`);
      return `<polyline class="curve series-${series}" points="${points.join(" ")}"/>${dots.join("")}`;
    });
    return [text(left, 26, title, "bold"), ...grid, text(left + plot.width / 2, top + plot.height + 38, "time (t + 1) / T", "middle small muted"), ...curves];
  });
  const legend = drawn.map(({ label }, series) => {
    const [x, y] = [60 + (series % 2) * 370, 322 + Math.floor(series / 2) * 22];
    return `<line x1="${x}" x2="${x + 22}" y1="${y - 4}" y2="${y - 4}" class="curve series-${series}"/>${text(x + 30, y, label)}`;
  });
  return figure({ width: 750, height: 356 }, "Noise schedules: what is left of the true mask, and what each step replaces, over time", [...parts, ...legend]);
}
