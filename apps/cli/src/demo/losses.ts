import { readFile } from "node:fs/promises";
import { fileError } from "@hidiff/core-tensor/node";
import type { TrainingReport } from "hidiff";

/** A loss over the course of a training. */
export interface LossCurve {
  readonly name: string;
  readonly points: readonly { readonly iteration: number; readonly loss: number }[];
}

/** The losses of both phases, and where the second begins. */
export interface TrainingCourse {
  readonly curves: readonly LossCurve[];
  readonly iterations: number;
  readonly phaseChange: number;
}

const names: Readonly<Record<string, string>> = {
  segmentation: "segmentor alone",
  segmentor: "segmentor, trained with the refiner",
  refinement: "refiner",
};

/** Reads a training's `log.jsonl`. */
export async function readTrainingCourse(path: string): Promise<TrainingCourse> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  return trainingCourse(text);
}

/** @param log one JSON object a line; those that are no iteration's are left out */
export function trainingCourse(log: string): TrainingCourse {
  const entries = log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Partial<TrainingReport>)
    .filter((entry): entry is TrainingReport => entry.losses !== undefined);
  const phaseChange = entries.filter(({ phase }) => phase === "pretraining").length;
  const curves = new Map<string, { iteration: number; loss: number }[]>();
  for (const { phase, iteration, losses } of entries) {
    for (const [name, loss] of Object.entries(losses)) {
      const points = curves.get(name) ?? [];
      points.push({ iteration: phase === "pretraining" ? iteration : phaseChange + iteration, loss });
      curves.set(name, points);
    }
  }
  const order = Object.keys(names);
  return {
    curves: [...curves]
      .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
      .map(([name, points]) => ({ name: names[name] ?? name, points })),
    iterations: entries.length,
    phaseChange,
  };
}
