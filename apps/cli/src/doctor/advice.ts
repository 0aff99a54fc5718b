import { backendNames } from "@hidiff/core-tensor";
import { didYouMean } from "@hidiff/core-tensor/errors";
import type { ImageSupport } from "./image-support.ts";
import type { BackendReport } from "./probe.ts";

/** Why a backend is used, or none can be. */
export function explainChoice(chosen: BackendReport | undefined, preferred: string | undefined): string {
  if (preferred === undefined) return chosen === undefined ? "none loads" : "the first of the list that loads";
  if (chosen !== undefined) return "HIDIFF_BACKEND names it";
  const known = backendNames.some((name) => name === preferred);
  return `HIDIFF_BACKEND is "${preferred}", which ${known ? "does not load" : `is no backend.${didYouMean(preferred, backendNames)}`}`;
}

interface Findings {
  readonly backends: readonly BackendReport[];
  readonly chosen: BackendReport | undefined;
  readonly preferred: string | undefined;
  readonly gpus: readonly string[];
  readonly images: ImageSupport;
}

/** What makes things work, or faster, on this machine. */
export function advise({ backends, chosen, preferred, gpus, images }: Findings): string[] {
  const loads = (wanted: string): boolean => backends.some(({ name, loaded }) => loaded && name === wanted);
  const advice: string[] = [];
  if (!images.working) advice.push("Images cannot be read: install the packages again without leaving out optional ones, which hold sharp's library for this system.");
  if (chosen === undefined) {
    advice.push(preferred === undefined ? "No backend loads: install the packages again." : `Unset HIDIFF_BACKEND, or set it to one of ${loading(backends)}.`);
    return advice;
  }
  if (chosen.capabilities?.trains === false) advice.push(`${chosen.name} cannot train here; name another backend with --backend.`);
  const fastest = backends.find(({ loaded }) => loaded);
  if (fastest !== undefined && fastest !== chosen) advice.push(`${fastest.name} loads, too, and is preferred where HIDIFF_BACKEND is unset.`);
  if (gpus.length > 0 && !loads("tfjs-node-gpu")) advice.push("To train on the NVIDIA processor: hidiff doctor --install-native gpu");
  else if (!loads("tfjs-node") && !loads("tfjs-node-gpu")) advice.push("To train several times faster: hidiff doctor --install-native");
  const engine = chosen.speed?.engine;
  if (engine?.name === "graph") advice.push(`The packed engine does not work here, and refinement is slow: ${engine.reason}`);
  return advice;
}

function loading(backends: readonly BackendReport[]): string {
  return backends.flatMap(({ name, loaded }) => (loaded ? [name] : [])).join(", ");
}
