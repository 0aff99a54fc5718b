import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";
import { encodeNiftiHeader, patchNiftiHeader } from "../src/volumes/nifti-encode.ts";
import type { Benchmark } from "./batches.ts";

/** Slices of a CT-like volume: a bright disc in air, with some noise, so that gzip has something to do. */
function* slices(size: number, depth: number, frames: number): Generator<Uint8Array> {
  const geometry = { spacing: [1, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as const;
  yield patchNiftiHeader(encodeNiftiHeader(geometry), [depth, size, size], frames, "int16").start;
  let state = 1;
  for (let slice = 0; slice < depth * frames; slice++) {
    const voxels = new Int16Array(size * size);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const inside = (x - size / 2) ** 2 + (y - size / 2) ** 2 < (size / 2.5) ** 2;
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        voxels[y * size + x] = inside ? 40 + (state >>> 27) : -1000;
      }
    }
    yield new Uint8Array(voxels.buffer);
  }
}

/** Run by a process of its own: prints its memory before, the most during, and the time of reading. */
const child = `
import { readVolume } from ${JSON.stringify(new URL("../src/volumes/read-volume.ts", import.meta.url).href)};
import { readFileSync } from "node:fs";
import { join } from "node:path";
// Of a process that another one has started, Linux's maxRSS is at least what that one held at the time.
const peakBytes = () =>
  1024 * (process.platform === "linux" ? Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) : process.resourceUsage().maxRSS);
const [file, channel] = process.argv.slice(1);
await readVolume(join(file, "..", "small.nii.gz")); // loads the code
const before = process.memoryUsage().rss;
const start = performance.now();
const { data } = await readVolume(file, channel === undefined ? {} : { channel: Number(channel) });
const milliseconds = performance.now() - start;
console.log(JSON.stringify({ before, peak: peakBytes(), bytes: data.byteLength, milliseconds }));
`;

async function write(path: string, size: number, depth: number, frames: number): Promise<void> {
  await pipeline(Readable.from(slices(size, depth, frames)), createGzip({ level: 1 }), createWriteStream(path));
}

async function measure(size: number, depth: number, frames: number, channel?: number): Promise<Record<string, number | string>> {
  const folder = await mkdtemp(join(tmpdir(), "hidiff-bench-volumes-"));
  try {
    const path = join(folder, "volume.nii.gz");
    await write(join(folder, "small.nii.gz"), 8, 2, 1);
    await write(path, size, depth, frames);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@hidiff/source", "--import", "tsx", "--input-type=module", "--eval", child, path, ...(channel === undefined ? [] : [String(channel)])],
      { cwd: fileURLToPath(new URL("../../..", import.meta.url)) },
    );
    const { before, peak, bytes, milliseconds } = JSON.parse(stdout.trim()) as Record<"before" | "peak" | "bytes" | "milliseconds", number>;
    return {
      megabytes: bytes / 1e6,
      extraMemoryOverVolume: (peak - before) / bytes,
      extraMegabytesBeyondVolume: (peak - before - bytes) / 1e6,
      megabytesPerSecond: (size * size * depth * frames * 2) / 1e3 / milliseconds,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const benchmarks: readonly Benchmark[] = [
  { name: "volumes: reading 500 slices of 512×512 (int16, .nii.gz)", run: () => measure(512, 500, 1) },
  { name: "volumes: reading 155 slices of 240×240 in 4 channels (int16, .nii.gz)", run: () => measure(240, 155, 4) },
  { name: "volumes: reading one channel of 4 (int16, .nii.gz)", run: () => measure(240, 155, 4, 2) },
];
