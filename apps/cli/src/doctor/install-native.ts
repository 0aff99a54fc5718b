import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HidiffError } from "@hidiff/core-tensor/errors";

/** `hidiff doctor --install-native`: builds the native backend in a process of its own, which says what it does and what is missing. */
export async function installNative(processor: "cpu" | "gpu"): Promise<void> {
  const script = fileURLToPath(new URL("../native/install.mjs", import.meta.resolve("@hidiff/cli")));
  const child = spawn(process.execPath, [script, ...(processor === "gpu" ? ["--gpu"] : [])], { stdio: "inherit" });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new HidiffError("doctor.install", "The native backend was not installed; the reason is above, and what was there before still works.");
}
