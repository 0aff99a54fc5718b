import { benchmarkConfiguration, type BenchmarkName, benchmarkNames, defaultRounds, type MeasuredEngine, RefinerBenchmark, refinerEngines } from "hidiff";
import { useBackend } from "../backend.ts";
import { formatDuration } from "../terminal/duration.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { versions } from "../versions.ts";
import { currentLoad, describeMachine } from "./machine.ts";
import { measureMemory } from "./memory.ts";
import { engineNames, printConfiguration, printMachine } from "./print.ts";
import type { BenchDocument, ConfigurationReport } from "./report.ts";

export interface BenchRefinerOptions {
  readonly preset: BenchmarkName | "both";
  readonly rounds?: number;
  readonly threads?: number;
  readonly size?: number;
  readonly backend?: string;
  readonly json?: boolean;
}

/** `hidiff bench refiner`: the packed engine against the graph engine. */
export async function benchRefiner(options: BenchRefinerOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const { name, reason } = await useBackend(options.backend, output);
  const machine = describeMachine();
  const startLoad = currentLoad();
  printMachine(output, machine, name);

  const configurations: ConfigurationReport[] = [];
  for (const preset of options.preset === "both" ? benchmarkNames : [options.preset]) {
    const report = await measureConfiguration(preset, name, options);
    printConfiguration(output, report);
    configurations.push(report);
  }
  const document: BenchDocument = {
    command: "bench refiner",
    versions: versions(),
    machine,
    backend: { name, reason },
    loadAverage: { start: startLoad, end: currentLoad() },
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    configurations,
  };
  output.emit(document);
  const { start, end } = document.loadAverage;
  output.print(output.colours.dim(`\nDone in ${formatDuration(document.seconds)}. Load average ${start.toFixed(1)} at the start, ${end.toFixed(1)} at the end.`));
}

async function measureConfiguration(name: BenchmarkName, backend: string, { rounds, threads, size: wantedSize }: BenchRefinerOptions): Promise<ConfigurationReport> {
  const { architecture, size: ownSize, graphInferenceRounds } = benchmarkConfiguration(name);
  const size = wantedSize ?? ownSize;
  const stepRounds = rounds ?? defaultRounds;
  const graphRounds = rounds ?? graphInferenceRounds;
  const inferenceRounds = { packed: stepRounds, graphBinary: graphRounds, graphReal: graphRounds };
  const benchmark = await RefinerBenchmark.create({ architecture, size, threads });
  const { refinerOptions, operations, steps } = benchmark;
  const { threads: usedThreads, simd } = benchmark.packed.resources;
  const files = benchmark.files();

  // A probe per engine; every measurement also has a warm-up.
  const inferences = Object.values(inferenceRounds);
  const total = refinerEngines.length + (refinerEngines.length + 1) * (stepRounds + 1) + inferences.reduce((sum, count) => sum + count + 1, 0);
  const measured = await withProgress({ total }, async (progress) => {
    let begun = 0;
    const show = async (what: string, details: readonly string[]): Promise<void> => {
      progress.update(begun++, `${name}: ${what}`, details);
      await new Promise(setImmediate); // lets the terminal draw before a long computation
    };
    const onRound = (what: string, of: number) => (engine: MeasuredEngine | "preparation", round: number): Promise<void> =>
      show(what, [engineNames[engine], round === 0 ? "warm-up" : `round ${round} of ${of}`]);
    const memory = await measureMemory({
      compiled: files.packed,
      refiner: refinerOptions,
      size,
      threads: usedThreads,
      backend,
      onEngine: (engine) => void show("memory", [engineNames[engine]]),
    });
    const step = await benchmark.measureSteps({ rounds: stepRounds, onRound: onRound("one step", stepRounds) });
    const inference = await benchmark.measureInference({ rounds: inferenceRounds, onRound: onRound("whole inference", stepRounds) });
    progress.update(total, `${name}: done`);
    return { memory, ...step, inference };
  });
  benchmark.dispose();
  return {
    name,
    size,
    steps,
    segmentor: architecture.segmentor,
    refiner: refinerOptions,
    packedEngine: { threads: usedThreads, simd },
    operations,
    ...measured,
    fileBytes: { packed: files.packed.length, float: files.float.length },
  };
}
