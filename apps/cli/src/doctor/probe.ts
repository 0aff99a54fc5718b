import { type BackendCapabilities, type BackendName, probeBackend } from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";
import { measureSpeed, type Speed } from "./speed.ts";

/** What a backend can do on this machine. */
export interface BackendReport {
  readonly name: BackendName;
  readonly loaded: boolean;
  /** What it is, or why it does not load. */
  readonly reason: string;
  /** How long it took to load. */
  readonly loadSeconds?: number;
  readonly capabilities?: BackendCapabilities;
  /** Not of the backend `cpu`, which is too slow for it. */
  readonly speed?: Speed;
}

/** `hidiff probe-backend`, which `doctor` runs in a process of its own: loads and measures one backend and prints its report. */
export async function printBackendReport(name: BackendName, seconds: number): Promise<void> {
  process.stdout.write(`${JSON.stringify(await report(name, seconds))}\n`);
}

async function report(name: BackendName, seconds: number): Promise<BackendReport> {
  const startedAt = performance.now();
  try {
    const { reason } = await selectBackend({ prefer: name });
    const loadSeconds = (performance.now() - startedAt) / 1000;
    const capabilities = probeBackend();
    const measurable = capabilities.trains && name !== "cpu";
    return { name, loaded: true, reason, loadSeconds, capabilities, ...(measurable ? { speed: await measureSpeed(seconds) } : {}) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // With one candidate, the message about all of them only wraps that one's reason.
    const reason = new RegExp(`\\(${name}: (.*)\\)\\.$`, "s").exec(message)?.[1] ?? message;
    return { name, loaded: false, reason };
  }
}
