import { parse } from "@hidiff/datasets";
import { preset } from "../config/presets.ts";
import { type Architecture, architectureSchema, configurationSchema } from "../config/schema.ts";

/** A model whose refiner is measured. */
interface BenchmarkConfiguration {
  readonly architecture: Architecture;
  /** Side of the square image. */
  readonly size: number;
  /** How many whole inferences of a graph engine are measured, unless the caller says otherwise. */
  readonly graphInferenceRounds: number;
}

export const benchmarkNames = ["paper", "small"] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

/** The rounds of everything else. */
export const defaultRounds = 5;

/** "paper": the published refiner on a slice with nine classes. "small": the preset drive-small on one of its windows. */
export function benchmarkConfiguration(name: BenchmarkName): BenchmarkConfiguration {
  if (name === "paper") {
    const architecture = parse(architectureSchema, { imageChannels: 1, classes: 9 }, "The paper's configuration");
    return { architecture, size: 256, graphInferenceRounds: 1 };
  }
  const { architecture, inference } = parse(configurationSchema, preset("drive-small"), "The small configuration");
  return { architecture: { ...architecture, imageChannels: 3, classes: 1 }, size: inference.window, graphInferenceRounds: defaultRounds };
}
