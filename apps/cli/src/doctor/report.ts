import type { BackendName } from "@hidiff/core-tensor";
import type { ImageSupport } from "./image-support.ts";
import type { MachineReport } from "./machine.ts";
import type { ModelsReport } from "./models.ts";
import type { BackendReport } from "./probe.ts";

/** What `hidiff doctor --json` prints. */
export interface DoctorReport {
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: MachineReport;
  readonly backends: readonly BackendReport[];
  /** The backend that commands use, unless one is named. */
  readonly chosen: BackendName | undefined;
  readonly reason: string;
  readonly images: ImageSupport;
  readonly models: ModelsReport;
  readonly advice: readonly string[];
}
