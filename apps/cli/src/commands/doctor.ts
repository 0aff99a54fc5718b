import type { BackendName } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { Command } from "commander";
import { sharedOptions } from "./shared-options.ts";

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Says what works on this machine: backends, their speed, image formats.")
    .addOption(sharedOptions.json("print the report as JSON"))
    .addHelpText("after", "\nExamples:\n  hidiff doctor\n  HIDIFF_BACKEND=wasm hidiff doctor --json")
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import("../doctor/run.ts");
      if (!(await doctor(options))) throw new HidiffError("doctor.broken", "nothing can be trained here as it is; see the report.");
    });
}

/** What `doctor` runs in a process of its own for each backend. */
export function probeCommand(): Command {
  return new Command("probe-backend").argument("<name>").action(async (name: BackendName) => {
    const { printBackendReport } = await import("../doctor/probe.ts");
    await printBackendReport(name);
  });
}
