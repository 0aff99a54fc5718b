import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { MeasuredEngine, RefinerOptions } from "hidiff";
import type { MemoryReport, MemoryRequest } from "./probe.ts";

interface MemoryOptions {
  /** The compiled refiner's file. */
  readonly compiled: Uint8Array;
  readonly refiner: RefinerOptions;
  /** Side of the image. */
  readonly size: number;
  readonly threads: number;
  /** The graph engine's. */
  readonly backend: string;
  readonly onEngine: (engine: MeasuredEngine) => void;
}

/** The memory that the refiner takes on each engine, each in a process of its own. */
export async function measureMemory({ compiled, refiner, size, threads, backend, onEngine }: MemoryOptions): Promise<Record<MeasuredEngine, MemoryReport>> {
  const folder = await mkdtemp(join(tmpdir(), "hidiff-bench-"));
  const image = { height: size, width: size };
  const probe = (engine: MeasuredEngine, request: MemoryRequest): Promise<MemoryReport> => {
    onEngine(engine);
    return probeInChild(request);
  };
  try {
    const file = join(folder, "refiner.packed.safetensors");
    await writeFile(file, compiled);
    return {
      packed: await probe("packed", { engine: "packed", size: image, file, threads }),
      graphBinary: await probe("graphBinary", { engine: "graph", size: image, backend, refiner: { ...refiner, precision: "binary" } }),
      graphReal: await probe("graphReal", { engine: "graph", size: image, backend, refiner: { ...refiner, precision: "real" } }),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function probeInChild(request: MemoryRequest): Promise<MemoryReport> {
  const command = [...process.execArgv, process.argv[1]!, "bench", "probe-memory", JSON.stringify(request)];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command);
    // Native libraries may print lines of their own before.
    return JSON.parse(stdout.trim().split("\n").at(-1)!) as MemoryReport;
  } catch (error) {
    const { stderr, signal } = error as { stderr?: string; signal?: string };
    const reason = stderr?.trim().split("\n").at(-1) || signal || (error as Error).message;
    throw new HidiffError("bench.probe", `The memory of the ${request.engine} engine could not be measured: ${reason}`, { cause: error });
  }
}
