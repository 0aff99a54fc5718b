/** What runs in the browser: the task that this script's address names, its result or its failure sent to the server. */
import { refine, segment } from "./tasks.ts";

const task = new URL(import.meta.url).searchParams.get("task");
try {
  const result = task === "refine" ? await refine(await download("/bundle/refiner.packed.safetensors")) : await segment("/bundle/");
  await send("/result", result);
} catch (error) {
  await send("/failure", new TextEncoder().encode(error instanceof Error ? error.stack : String(error)));
}

async function download(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(path)).arrayBuffer());
}

async function send(path: string, body: Uint8Array): Promise<void> {
  await fetch(path, { method: "POST", body: body as Uint8Array<ArrayBuffer> });
}
