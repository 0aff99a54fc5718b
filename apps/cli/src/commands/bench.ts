import { Command, InvalidArgumentError, Option } from "commander";
import type { BenchRefinerOptions } from "../bench/run.ts";
import { positiveNumber } from "../options/numbers.ts";
import { sharedOptions } from "./shared-options.ts";

export function benchCommand(): Command {
  return new Command("bench").description("Measures speed and memory on this machine.").addCommand(refinerCommand()).addCommand(probeCommand(), { hidden: true });
}

function refinerCommand(): Command {
  return new Command("refiner")
    .description("Compares the packed engine with the graph engine: time, operations, memory, size on disk.")
    .addOption(new Option("--preset <name>", "the paper's refiner, that of drive-small, or both").choices(["paper", "small", "both"]).default("both"))
    .option("--rounds <n>", "rounds of every measurement (default: 5; for the paper's whole inference on the graph engine 1)", positiveNumber)
    .option("--threads <n>", "threads of the packed engine (default: the machine's, at most 16)", positiveNumber)
    .option("--size <n>", "side of the image, a multiple of 32 (default: 256 for the paper's, 128 for the small one)", imageSize)
    .addOption(sharedOptions.backend())
    .addOption(sharedOptions.json("print everything as JSON"))
    .addHelpText(
      "after",
      `
The engines take turns, so that a machine that drifts treats them alike. Tables show the median over the rounds, and the
least and the most. Memory is the peak of a process of its own for each engine, with the refiner alone.
Both presets take about two minutes on two processor cores with the native backend.

Examples:
  hidiff bench refiner
  hidiff bench refiner --preset small --rounds 9 --json > small.json`,
    )
    .action(async (options: BenchRefinerOptions) => {
      const { benchRefiner } = await import("../bench/run.ts");
      await benchRefiner(options);
    });
}

/** What `bench refiner` runs in a process of its own for each engine. */
function probeCommand(): Command {
  return new Command("probe-memory").argument("<request>").action(async (request: string) => {
    const { printMemoryReport } = await import("../bench/probe.ts");
    await printMemoryReport(request);
  });
}

function imageSize(text: string): number {
  const size = positiveNumber(text);
  if (size % 32 !== 0) throw new InvalidArgumentError("It must be a multiple of 32.");
  return size;
}
