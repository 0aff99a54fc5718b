import type { BackendName } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { Command, Option } from "commander";
import { positiveNumber } from "../options/numbers.ts";
import { sharedOptions } from "./shared-options.ts";

interface DoctorOptions {
  readonly json?: boolean;
  readonly installNative?: "cpu" | "gpu";
}

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Says what works on this machine and how fast: backends, image formats, models, memory.")
    .addOption(new Option("--install-native [processor]", "build the native backend, which trains several times faster").choices(["cpu", "gpu"]).preset("cpu"))
    .addOption(sharedOptions.json("print the report as JSON").conflicts("installNative"))
    .addHelpText(
      "after",
      `
Measures every backend for about five seconds. The exit code is 1 if nothing can be trained, or images cannot be read.

--install-native downloads TensorFlow's library from PyPI and @tensorflow/tfjs-node from npm, and compiles what connects them.
It takes about 1 GB of disk and needs Python 3.8 with pip, make and a C++ compiler; for gpu, Linux with NVIDIA's CUDA 12.5. All
of it goes into the folder .native beside node_modules; to be rid of it, remove that. An @tensorflow/tfjs-node 4.22.0 that is
installed beside @hidiff/cli is used as well.

Examples:
  hidiff doctor
  hidiff doctor --install-native
  HIDIFF_BACKEND=wasm hidiff doctor --json`,
    )
    .action(async ({ json, installNative: processor }: DoctorOptions) => {
      if (processor !== undefined) {
        const { installNative } = await import("../doctor/install-native.ts");
        return installNative(processor);
      }
      const { doctor } = await import("../doctor/run.ts");
      if (!(await doctor(json === undefined ? {} : { json }))) throw new HidiffError("doctor.broken", "nothing can be trained here as it is; see the report.");
    });
}

/** What `doctor` runs in a process of its own for each backend. */
export function probeCommand(): Command {
  return new Command("probe-backend")
    .argument("<name>")
    .argument("<seconds>", "", positiveNumber)
    .action(async (name: BackendName, seconds: number) => {
      const { printBackendReport } = await import("../doctor/probe.ts");
      await printBackendReport(name, seconds);
    });
}
