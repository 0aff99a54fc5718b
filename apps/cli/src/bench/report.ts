import type { Architecture, BenchmarkName, ComparedMeasurement, MeasuredEngine, RefinerOperations, RefinerOptions, StepMeasurements } from "hidiff";
import type { Machine } from "./machine.ts";
import type { MemoryReport } from "./probe.ts";

/** What was measured of one configuration: times in seconds, memory and files in bytes. */
export interface ConfigurationReport extends StepMeasurements {
  readonly name: BenchmarkName;
  /** Side of the image. */
  readonly size: number;
  /** T, the steps of a whole inference. */
  readonly steps: number;
  readonly segmentor: Architecture["segmentor"];
  readonly refiner: Required<RefinerOptions>;
  readonly packedEngine: { readonly threads: number; readonly simd: "relaxed" | "plain" };
  readonly operations: RefinerOperations;
  readonly inference: Readonly<Record<MeasuredEngine, ComparedMeasurement>>;
  readonly memory: Readonly<Record<MeasuredEngine, MemoryReport>>;
  readonly fileBytes: { readonly packed: number; readonly float: number };
}

/** What `hidiff bench refiner --json` prints. */
export interface BenchDocument {
  readonly command: "bench refiner";
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Machine;
  /** The graph engine's, and the segmentor's. */
  readonly backend: { readonly name: string; readonly reason: string };
  readonly loadAverage: { readonly start: number; readonly end: number };
  readonly startedAt: string;
  readonly seconds: number;
  readonly configurations: readonly ConfigurationReport[];
}
