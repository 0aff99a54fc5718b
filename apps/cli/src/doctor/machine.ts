import { execFile } from "node:child_process";
import { freemem } from "node:os";
import { statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { describeMachine, type Machine } from "../bench/machine.ts";

/** The machine, and what is free of it. */
export interface MachineReport extends Machine {
  readonly freeMemoryBytes: number;
  /** Where the working directory is; undefined where the system does not tell. */
  readonly freeDiskBytes: number | undefined;
  /** NVIDIA's graphics processors as their driver names them. */
  readonly gpus: readonly string[];
}

export async function reportMachine(): Promise<MachineReport> {
  const disk = await statfs(process.cwd()).catch(() => undefined);
  return {
    ...describeMachine(),
    freeMemoryBytes: freemem(),
    freeDiskBytes: disk === undefined ? undefined : disk.bavail * disk.bsize,
    gpus: await listGpus(),
  };
}

async function listGpus(): Promise<string[]> {
  try {
    const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
    const { stdout } = await promisify(execFile)("nvidia-smi", query, { timeout: 5000 });
    return stdout.split("\n").filter((line) => line.trim() !== "");
  } catch {
    return []; // no driver, no such processor
  }
}
