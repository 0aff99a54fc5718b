/**
 * `pnpm bench [--packages] [--rounds N]`: the slice on every backend that loads, as ratios of one run, with memory; with `--packages`,
 * also every package's own benchmarks on the preferred backend. Rounds are interleaved, since machines drift.
 */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs, promisify } from "node:util";
import { selectBackend } from "@hidiff/core-tensor/node";
import type { SliceTimes } from "./slice.ts";

interface Benchmark {
  readonly name: string;
  run(): Promise<Record<string, number | string>>;
}

const { values: flags } = parseArgs({ options: { packages: { type: "boolean", default: false }, rounds: { type: "string", default: "3" } } });
const rounds = Number(flags.rounds);
const measured = ["tfjs-node-gpu", "tfjs-node", "wasm"] as const; // plain JavaScript would take hours
const columns = ["pretraining", "alternating", "inference", "memory"] as const;

async function measure(backend: string): Promise<SliceTimes | string> {
  const child = promisify(execFile)(
    process.execPath,
    ["--conditions=@hidiff/source", "--import", "tsx", fileURLToPath(new URL("./slice.ts", import.meta.url))],
    { env: { ...process.env, HIDIFF_BACKEND: backend } },
  );
  try {
    return JSON.parse((await child).stdout.trim().split("\n").at(-1)!) as SliceTimes;
  } catch (error) {
    const text = (error as { stderr?: string }).stderr ?? String(error);
    return /HidiffError: (.*)/.exec(text)?.[1] ?? text.slice(-200);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const results = new Map<string, SliceTimes[]>();
for (let round = 0; round < rounds; round++) {
  for (const backend of measured) {
    if (round > 0 && !results.has(backend)) continue;
    const times = await measure(backend);
    if (typeof times === "string") console.log(`${backend}: not measured. ${times}`);
    else results.set(backend, [...(results.get(backend) ?? []), times]);
  }
}

const reference = [...results.keys()][0];
if (reference === undefined) throw new Error("No backend could be measured.");
const middle = (backend: string, column: (typeof columns)[number]): number => median(results.get(backend)!.map((times) => times[column]));
console.log(`\nThe demo's model, batch 4 of 64×64; inference: one 64×64 image, 3 samples of 10 steps. Medians of ${rounds} interleaved rounds.`);
console.log(`Load average at the end: ${loadavg()[0]!.toFixed(1)}. Ratios: ${reference} = 1.\n`);
console.table(
  Object.fromEntries(
    [...results.keys()].map((backend) => [
      backend,
      Object.fromEntries(
        columns.map((column) => {
          const value = middle(backend, column);
          const unit = column === "memory" ? "MB" : "ms";
          return [column, `${value.toFixed(0)} ${unit} (${(value / middle(reference, column)).toFixed(2)})`];
        }),
      ),
    ]),
  ),
);

if (flags.packages) {
  await selectBackend();
  const packages = fileURLToPath(new URL("../packages", import.meta.url));
  for (const name of (await readdir(packages)).toSorted()) {
    const folder = join(packages, name, "bench");
    for (const file of (await readdir(folder).catch(() => [])).filter((entry) => entry.endsWith(".ts"))) {
      const { benchmarks } = (await import(pathToFileURL(join(folder, file)).href)) as { benchmarks: readonly Benchmark[] };
      for (const benchmark of benchmarks) console.log(`${name}: ${benchmark.name}`, await benchmark.run());
    }
  }
}
