import { spawn } from "node:child_process";
import type { BackendName } from "@hidiff/core-tensor";
import { backendNames } from "@hidiff/core-tensor";
import { Output } from "../terminal/output.ts";
import { formatTable } from "../terminal/table.ts";
import { versions } from "../versions.ts";
import { type ImageSupport, imageSupport } from "./image-support.ts";
import type { BackendReport } from "./probe.ts";

/** The time a backend may take to load and to train one convolution. */
const probeTimeout = 60_000;

interface DoctorReport {
  readonly versions: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly backends: readonly BackendReport[];
  /** The backend that commands use, unless one is named. */
  readonly chosen: BackendName | undefined;
  readonly reason: string;
  readonly images: ImageSupport;
  readonly advice: readonly string[];
}

/**
 * `hidiff doctor`: what works on this machine.
 *
 * @returns whether anything can be trained
 */
export async function doctor({ json }: { readonly json?: boolean }): Promise<boolean> {
  const output = new Output({ json });
  const backends: BackendReport[] = [];
  for (const name of backendNames) backends.push(await probeInChild(name));
  const preferred = process.env["HIDIFF_BACKEND"] ?? "";
  const chosen = backends.find(({ name, loaded }) => loaded && (preferred === "" || name === preferred));
  const report: DoctorReport = {
    versions: versions(),
    platform: `${process.platform}-${process.arch}`,
    backends,
    chosen: chosen?.name,
    reason: explain(chosen, preferred),
    images: await imageSupport(),
    advice: advise(backends, chosen, preferred),
  };
  output.emit(report);
  print(output, report);
  return chosen?.capabilities?.trains === true && report.images.working;
}

/** In a process of its own: a native library that crashes then takes nothing with it, and none changes the next one. */
function probeInChild(name: BackendName): Promise<BackendReport> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, "probe-backend", name], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: probeTimeout,
    });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.on("error", (error) => resolve({ name, loaded: false, reason: error.message }));
    child.on("close", (code, signal) => {
      // Native libraries may print lines of their own before.
      const line = text.trim().split("\n").at(-1) ?? "";
      resolve(line.startsWith("{") ? (JSON.parse(line) as BackendReport) : { name, loaded: false, reason: `its process ended with ${signal ?? `exit code ${code}`}` });
    });
  });
}

function explain(chosen: BackendReport | undefined, preferred: string): string {
  if (preferred !== "") return chosen === undefined ? `HIDIFF_BACKEND names ${preferred}, which does not load` : `HIDIFF_BACKEND names it`;
  return chosen === undefined ? "no backend loads" : "the first of the list that loads";
}

function advise(backends: readonly BackendReport[], chosen: BackendReport | undefined, preferred: string): string[] {
  if (chosen === undefined) return preferred === "" ? ["Install the packages again: no backend loads."] : ["Unset HIDIFF_BACKEND, or name a backend that loads."];
  const advice: string[] = [];
  const native = backends.some(({ name, loaded }) => name.startsWith("tfjs-node") && loaded);
  if (!native) advice.push("For training several times faster, install the native backend: pnpm native:install (with an NVIDIA GPU: pnpm native:install --gpu).");
  if (chosen.capabilities?.trains === false) advice.push(`${chosen.name} cannot train here; name another backend with --backend.`);
  if (chosen.name === "cpu") advice.push("The plain JavaScript backend is for tiny tests only.");
  return advice;
}

function print(output: Output, { versions: found, platform, backends, chosen, reason, images, advice }: DoctorReport): void {
  const { bold, green, red, dim } = output.colours;
  const mark = (good: boolean): string => (good ? green("yes") : red("no"));
  output.print(`hidiff ${found["@hidiff/cli"]}, Node.js ${found["node"]}, ${platform}\n`);
  const rows = backends.map(({ name, loaded, capabilities }) => [
    name === chosen ? bold(name) : name,
    mark(loaded),
    capabilities === undefined ? "–" : mark(capabilities.trains),
    capabilities?.trainingStepMilliseconds === undefined ? "–" : `${capabilities.trainingStepMilliseconds.toFixed(1)} ms`,
    capabilities?.gigaMultiplyAddsPerSecond === undefined ? "–" : capabilities.gigaMultiplyAddsPerSecond.toPrecision(3),
  ]);
  output.print(formatTable(["Backend", "Loads", "Trains", "Training step", "10⁹ multiply-adds/s"], rows));
  for (const { name, reason: why, capabilities } of backends) {
    output.print(dim(`  ${name}: ${why}${capabilities?.problem === undefined ? "" : `; it cannot train: ${capabilities.problem}`}`));
  }
  output.print(chosen === undefined ? `\n${red("No backend can be used")}: ${reason}.` : `\nUsed: ${bold(chosen)} (${reason}).`);
  output.print(`Images: ${images.working ? `sharp ${images.sharp} with libvips ${images.libvips} reads ${images.formats.join(", ")}` : red(images.problem!)}.`);
  for (const line of advice) output.print(`→ ${line}`);
}
