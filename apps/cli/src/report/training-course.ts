import type { RunRecord, ValidationRecord } from "hidiff/node";
import type { ChartPoint } from "../page/chart/line-chart.ts";

/** A number over the course of a training. */
interface TrainingCurve {
  readonly name: string;
  /** x: completed iterations of both phases. */
  readonly points: readonly ChartPoint[];
}

/** The numbers of both phases, and where the second begins. */
export interface TrainingCourse {
  readonly losses: readonly TrainingCurve[];
  readonly learningRate: TrainingCurve;
  readonly validations: readonly ValidationRecord[];
  /** The last iteration of both phases. */
  readonly iterations: number;
  readonly phaseChange: number;
}

const names: Readonly<Record<string, string>> = {
  segmentation: "segmentor alone",
  segmentor: "segmentor, trained with the refiner",
  refinement: "refiner",
};

/** What a training's records tell. */
export function trainingCourse(records: readonly RunRecord[]): TrainingCourse {
  const iterations = records.filter((record) => record.type === "iteration");
  const order = Object.keys(names);
  const losses = new Map<string, ChartPoint[]>();
  for (const { step, losses: own } of iterations) {
    for (const [name, loss] of Object.entries(own)) {
      const points = losses.get(name) ?? [];
      points.push({ x: step, y: loss });
      losses.set(name, points);
    }
  }
  return {
    losses: [...losses].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b)).map(([name, points]) => ({ name: names[name] ?? name, points })),
    learningRate: { name: "learning rate", points: iterations.map(({ step, learningRate }) => ({ x: step, y: learningRate })) },
    validations: records.filter((record) => record.type === "validation"),
    iterations: iterations.at(-1)?.step ?? 0,
    phaseChange: iterations.filter(({ phase }) => phase === "pretraining").at(-1)?.step ?? 0,
  };
}
