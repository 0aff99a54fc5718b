import { type BackendCapabilities, type BackendName, probeBackend } from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";

/** What a backend can do on this machine. */
export interface BackendReport {
  readonly name: BackendName;
  readonly loaded: boolean;
  /** What it is, or why it does not load. */
  readonly reason: string;
  readonly capabilities?: BackendCapabilities;
}

/** `hidiff probe-backend`, which `doctor` runs in a process of its own: loads one backend and prints its report. */
export async function printBackendReport(name: BackendName): Promise<void> {
  process.stdout.write(`${JSON.stringify(await report(name))}\n`);
}

async function report(name: BackendName): Promise<BackendReport> {
  try {
    const { reason } = await selectBackend({ prefer: name });
    return { name, loaded: true, reason, capabilities: probeBackend() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // With one candidate, the message about all of them only wraps that one's reason.
    const reason = new RegExp(`\\(${name}: (.*)\\)\\.$`, "s").exec(message)?.[1] ?? message;
    return { name, loaded: false, reason };
  }
}
