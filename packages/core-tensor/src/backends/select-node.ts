import { loadNative } from "./native.ts";
import { type BackendChoice, portableLoaders, selectFrom } from "./portable.ts";

/**
 * Chooses the tensor backend: CUDA, native, WebAssembly or plain JavaScript, the first that loads. `prefer`, or else the
 * environment variable `HIDIFF_BACKEND`, names the only one to try.
 */
export function selectBackend({ prefer = process.env["HIDIFF_BACKEND"] }: { readonly prefer?: string | undefined } = {}): Promise<BackendChoice> {
  const loaders = {
    "tfjs-node-gpu": () => loadNative("tfjs-node-gpu"),
    "tfjs-node": () => loadNative("tfjs-node"),
    ...portableLoaders,
  };
  return selectFrom(loaders, prefer === "" ? undefined : prefer);
}
