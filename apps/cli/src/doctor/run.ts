import { spawn } from "node:child_process";
import { type BackendName, backendNames } from "@hidiff/core-tensor";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { advise, explainChoice } from "./advice.ts";
import { imageSupport } from "./image-support.ts";
import { reportMachine } from "./machine.ts";
import { reportModels } from "./models.ts";
import { printReport } from "./print.ts";
import type { BackendReport } from "./probe.ts";
import type { DoctorReport } from "./report.ts";
import { installedVersions } from "./software.ts";

/** The time a backend may take to load and to be measured. */
const probeTimeout = 120_000;
/** How long training, and inference, are measured on each. */
const secondsEach = 2;

/**
 * `hidiff doctor`: what works on this machine, and how fast.
 *
 * @returns whether anything can be trained
 */
export async function doctor({ json }: { readonly json?: boolean }): Promise<boolean> {
  const output = new Output({ json });
  const backends = await withProgress({ total: backendNames.length }, async (progress) => {
    const reports: BackendReport[] = [];
    for (const [index, name] of backendNames.entries()) {
      progress.update(index, `Measuring ${name}`);
      reports.push(await probeInChild(name));
    }
    progress.update(backendNames.length, "Measured");
    return reports;
  });
  const preferred = process.env["HIDIFF_BACKEND"] || undefined;
  const chosen = backends.find(({ name, loaded }) => loaded && (preferred === undefined || name === preferred));
  const machine = await reportMachine();
  const images = await imageSupport();
  const report: DoctorReport = {
    versions: installedVersions(),
    machine,
    backends,
    chosen: chosen?.name,
    reason: explainChoice(chosen, preferred),
    images,
    models: await reportModels(),
    advice: advise({ backends, chosen, preferred, gpus: machine.gpus, images }),
  };
  output.emit(report);
  printReport(output, report);
  return chosen?.capabilities?.trains === true && images.working;
}

/** In a process of its own: a native library that crashes then takes nothing with it, and none changes the next one. */
function probeInChild(name: BackendName): Promise<BackendReport> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, "probe-backend", name, String(secondsEach)], {
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
