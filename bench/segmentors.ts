/**
 * `pnpm bench:segmentors [--rounds N] [--networks NAME,…] [--size N] …`: every segmentor on the native backend and on WebAssembly
 * against the same network in PyTorch, as ratios of one run. Rounds are interleaved, since machines drift. All start from the same
 * parameters and data, and the run fails if their numbers of parameters or their first losses differ.
 *
 * PyTorch is that of the command in HIDIFF_PYTHON, else of python3; scripts/pytorch/README.md says what it needs.
 */
import { execFile } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import type { SegmentorTimes, SegmentorWork } from "./segmentor-speed.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    repetitions: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    batch: { type: "string", default: "2" },
    size: { type: "string" },
    networks: { type: "string" },
  },
});
const rounds = Number(flags.rounds);

/** Networks of a medium size: 2 to 40 million parameters. */
const cases = [
  { network: "unet", size: 128, options: { baseWidth: 16 } },
  { network: "attention-unet", size: 128, options: { baseWidth: 16 } },
  { network: "residual-unet", size: 128, options: { baseWidth: 16, stages: 6 } },
  {
    network: "transunet",
    size: 128,
    options: {
      hiddenSize: 192,
      mlpSize: 768,
      heads: 6,
      layers: 6,
      resnetUnits: [3, 4, 9],
      widthFactor: 0.5,
      decoderChannels: [128, 64, 32, 16],
    },
  },
  { network: "swin-unet", size: 224, options: {} },
] as const;

function workOf({ network, size: ownSize, options }: (typeof cases)[number]): SegmentorWork {
  const size = flags.size === undefined ? ownSize : Number(flags.size);
  return {
    network,
    // Position embeddings are for the benchmark's size: PyTorch's TransUNet takes no other.
    options: { imageChannels: 3, classes: 2, ...options, ...(network === "transunet" ? { imageSize: size } : {}) },
    size,
    trainingBatch: Number(flags.batch),
    repetitions: Number(flags.repetitions),
    threads: Number(flags.threads),
  };
}

interface Side {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const python = { command: process.env["HIDIFF_PYTHON"] ?? "python3", arguments: ["-B", path("../scripts/pytorch/benchmark_segmentors.py")] };
const node = { command: process.execPath, arguments: ["--conditions=@hidiff/source", "--import", "tsx", path("./segmentor-speed.ts")] };
const sides = new Map<string, Side>([
  ["PyTorch", { ...python, environment: {} }],
  ["tfjs-node", { ...node, environment: { HIDIFF_BACKEND: "tfjs-node", TF_NUM_INTRAOP_THREADS: flags.threads } }],
  ["wasm", { ...node, environment: { HIDIFF_BACKEND: "wasm" } }], // on one thread: TensorFlow.js has no more in Node
]);

/** What a side measured, or why it did not. */
async function measure(side: Side, work: SegmentorWork): Promise<SegmentorTimes | string> {
  try {
    const { stdout } = await promisify(execFile)(side.command, [...side.arguments, JSON.stringify(work)], {
      env: { ...process.env, ...side.environment },
    });
    return JSON.parse(stdout.trim().split("\n").at(-1)!) as SegmentorTimes;
  } catch (error) {
    const text = (error as { stderr?: string }).stderr?.trim() || String(error);
    return /HidiffError: (.*)/.exec(text)?.[1] ?? text.split("\n").at(-1)!;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** All rounds of one network, by side. */
async function measureAll(work: SegmentorWork): Promise<Map<string, SegmentorTimes[]>> {
  const results = new Map<string, SegmentorTimes[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of sides) {
      if (round > 0 && !results.has(name)) continue;
      const times = await measure(side, work);
      if (typeof times === "string") console.log(`${work.network}, ${name}: not measured. ${times}`);
      else results.set(name, [...(results.get(name) ?? []), times]);
    }
  }
  return results;
}

/** Says where sides did not do the same work. Losses are sums in float32 of different orders. */
function checkAgreement(network: string, results: ReadonlyMap<string, readonly SegmentorTimes[]>): void {
  const all = [...results].map(([name, [times]]) => ({ name, ...times! }));
  const [first] = all;
  for (const { name, parameters, loss } of all) {
    if (parameters === first!.parameters && Math.abs(loss / first!.loss - 1) < 1e-3) continue;
    const expected = `${first!.name} ${first!.parameters} and ${first!.loss}`;
    console.log(`${network}: ${name} has ${parameters} parameters and a first loss of ${loss}, ${expected}.`);
    process.exitCode = 1;
  }
}

const loadBefore = loadavg()[0]!;
const rows: Record<string, Record<string, string>> = {};
const chosen = flags.networks?.split(",") ?? cases.map(({ network }) => network);
for (const work of cases.filter(({ network }) => chosen.includes(network)).map(workOf)) {
  const results = await measureAll(work);
  checkAgreement(work.network, results);
  for (const column of ["inference", "training"] as const) {
    const middle = new Map([...results].map(([name, times]) => [name, median(times.map((time) => time[column]))]));
    const [reference] = middle.values();
    const cells = [...middle].map(([name, time]) => [name, `${time.toFixed(0)} ms (${(time / reference!).toFixed(2)})`]);
    rows[`${work.network}, ${work.size}², ${column}`] = Object.fromEntries(cells) as Record<string, string>;
  }
  const [described] = results.values();
  if (described !== undefined) {
    const { parameters, library, loss } = described[0]!;
    console.log(`${work.network}: ${(parameters / 1e6).toFixed(2)} million parameters, first loss ${loss.toFixed(5)} (${library})`);
  }
}

console.log(`\nInference of 1 image; training steps of ${flags.batch}: forward, cross-entropy and Dice loss, backward, AdamW.`);
console.log(`${cpus()[0]!.model}, ${flags.threads} threads (wasm: 1). Medians of ${rounds} interleaved rounds of ${flags.repetitions}.`);
// On a busy machine PyTorch's threads wait for each other: its times then say little.
console.log(`Load average before and after: ${loadBefore.toFixed(1)}, ${loadavg()[0]!.toFixed(1)}. Ratios: the first column = 1.\n`);
console.table(rows);
