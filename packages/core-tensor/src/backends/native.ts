import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { engine } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { activate } from "./portable.ts";
import { restoreRemovedUtilities } from "./node-compatibility.ts";

/**
 * Loads `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu`.
 *
 * @throws HidiffError `backend.native` saying what is missing and how to get it
 */
export async function loadNative(packageName: "tfjs-node" | "tfjs-node-gpu"): Promise<string> {
  const directory = findPackage(`@tensorflow/${packageName}`);
  const install = `run \`hidiff doctor --install-native${packageName.endsWith("gpu") ? " gpu" : ""}\`, or install @tensorflow/${packageName} 4.22.0`;
  if (directory === undefined) throw new HidiffError("backend.native", `@tensorflow/${packageName} is not installed; ${install}`);
  // The package registers its kernels before it loads its addon, so look for the addon first.
  if (!hasAddon(directory)) {
    throw new HidiffError("backend.native", `@tensorflow/${packageName} has no compiled addon (its install script did not run); ${install}`);
  }
  restoreRemovedUtilities();
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  process.env["TF_ENABLE_ONEDNN_OPTS"] ??= "1"; // training convolutions at batch ≥ 2 are 1.6–2.5 times faster with it
  createRequire(join(directory, "package.json"))(directory);
  await activate("tensorflow");
  const usesGpu = (engine().backend as unknown as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  if (packageName.endsWith("gpu") && !usesGpu) {
    throw new HidiffError("backend.native", "tfjs-node-gpu loaded, but found no usable GPU (driver, CUDA or cuDNN libraries are missing)");
  }
  return usesGpu ? "TensorFlow's native library with CUDA" : "TensorFlow's native library on the processor";
}

/** Next to this package, in the application, or where `hidiff doctor --install-native` puts it. */
function findPackage(name: string): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  for (const base of [here, process.cwd()]) {
    try {
      return dirname(createRequire(join(base, "_")).resolve(`${name}/package.json`));
    } catch {
      // not resolvable from there
    }
  }
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, ".native", "node_modules", name);
    if (existsSync(candidate)) return candidate;
  }
  return undefined;
}

function hasAddon(directory: string): boolean {
  const library = join(directory, "lib");
  if (!existsSync(library)) return false;
  return readdirSync(library).some((entry) => entry.startsWith("napi-v") && existsSync(join(library, entry, "tfjs_binding.node")));
}
