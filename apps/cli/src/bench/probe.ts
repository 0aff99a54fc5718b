import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { PackedInputs } from "hidiff/packed";
import type { RefinerOptions } from "hidiff";

interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** What a probe is to load and run. */
export type MemoryRequest = { readonly size: ImageSize } & (
  | { readonly engine: "packed"; readonly file: string; readonly threads: number }
  | { readonly engine: "graph"; readonly backend: string; readonly refiner: RefinerOptions }
);

/** Resident memory of a process that does nothing but refine, in bytes. */
export interface MemoryReport {
  /** Before anything is loaded: Node.js and this program. */
  readonly startBytes: number;
  readonly peakBytes: number;
  /** The packed engine's own memory. */
  readonly engineBytes?: number;
}

/** Steps that a probe runs. */
const steps = [0, 1] as const;

/** `hidiff bench probe-memory`, which `bench refiner` runs in a process of its own: loads one engine, runs it, prints its memory. */
export async function printMemoryReport(request: string): Promise<void> {
  const startBytes = process.memoryUsage().rss;
  const parsed = JSON.parse(request) as MemoryRequest;
  const engineBytes = parsed.engine === "packed" ? await runPacked(parsed) : await runGraph(parsed);
  const report: MemoryReport = { startBytes, peakBytes: peakResidentBytes(), ...(engineBytes === undefined ? {} : { engineBytes }) };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/**
 * On Linux, `maxRSS` of a process that another one has started is at least what that one held at the time: the kernel
 * counts the memory before `exec`, too. The high-water mark of /proc starts anew.
 */
function peakResidentBytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024;
}

/** Loads no tensor library. */
async function runPacked({ file, threads, size }: MemoryRequest & { readonly engine: "packed" }): Promise<number> {
  const { decodeCompiledRefiner, PackedRefiner } = await import("hidiff/packed");
  const compiled = decodeCompiledRefiner(await readFile(file), file);
  const refiner = await PackedRefiner.create(compiled, { threads });
  const { features, ...arrays } = inputs(size, compiled.architecture);
  refiner.prepare({ ...size, ...arrays, features: features as unknown as PackedInputs["features"] });
  for (const t of steps) refiner.step(arrays.yt, t);
  const { memoryBytes } = refiner.resources;
  refiner.dispose();
  return memoryBytes;
}

async function runGraph({ backend, refiner: options, size }: MemoryRequest & { readonly engine: "graph" }): Promise<undefined> {
  const { Generator, tensor4d, tidy } = await import("@hidiff/core-tensor");
  const { selectBackend } = await import("@hidiff/core-tensor/node");
  const { Refiner } = await import("hidiff");
  await selectBackend({ prefer: backend });
  const refiner = new Refiner(options, new Generator(0));
  const { image, prior, yt, features } = inputs(size, options);
  const map = (data: Float32Array, channels: number, stride = 1): ReturnType<typeof tensor4d> =>
    tensor4d(data, [1, size.height / stride, size.width / stride, channels]);
  for (const t of steps) {
    tidy(() => {
      const [f4, f8, f16, f32] = features.map((feature, level) => map(feature, options.featureChannels[level]!, 4 << level));
      const given = { image: map(image, options.imageChannels), prior: map(prior, options.classes), yt: map(yt, options.classes) };
      refiner.forward({ ...given, features: [f4!, f8!, f16!, f32!], t: [t] }, { training: false }).dataSync();
    });
  }
}

/** Arrays of the right sizes. Filled, so that they are really in memory. */
function inputs(
  { height, width }: ImageSize,
  { imageChannels, classes, featureChannels }: Pick<RefinerOptions, "imageChannels" | "classes" | "featureChannels">,
): Record<"image" | "prior" | "yt", Float32Array> & { readonly features: readonly Float32Array[] } {
  const map = (channels: number, stride: number): Float32Array => new Float32Array(((height * width) / stride ** 2) * channels).fill(1);
  return {
    image: map(imageChannels, 1),
    prior: map(classes, 1),
    yt: map(classes, 1),
    features: featureChannels.map((channels, level) => map(channels, 4 << level)),
  };
}
