import { engine, env, setBackend } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { registerGradients } from "../ops/gradients.ts";

/** The tensor backends in order of preference: CUDA, native CPU, WebAssembly, plain JavaScript. */
export const backendNames = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;
export type BackendName = (typeof backendNames)[number];

/** What became of one backend. */
export interface BackendAttempt {
  readonly name: BackendName;
  readonly loaded: boolean;
  /** Why it was chosen, or why it could not be loaded and what to do about it. */
  readonly reason: string;
}

export interface BackendChoice {
  readonly name: BackendName;
  readonly reason: string;
  /** Every backend that was tried, in order, the chosen one last. */
  readonly attempts: readonly BackendAttempt[];
}

/** Loads one backend and makes it the current one. Returns why it is a good choice; throws if it cannot be loaded. */
type BackendLoader = () => Promise<string>;

export const portableLoaders: Readonly<Record<"wasm" | "cpu", BackendLoader>> = {
  wasm: async () => {
    quiet();
    await import("@tensorflow/tfjs-backend-wasm");
    await activate("wasm");
    return "WebAssembly, works everywhere; the native backend is several times faster";
  },
  cpu: async () => {
    quiet();
    await import("@tensorflow/tfjs-backend-cpu");
    await activate("cpu");
    return "plain JavaScript, thousands of times slower than native: for tiny tests only";
  },
};

/**
 * Makes the first backend that loads the current one.
 *
 * @param preferred only this one is tried
 * @throws HidiffError `backend.unknown` for a name that is none, `backend.unavailable` if nothing could be loaded
 */
export async function selectFrom(
  loaders: Readonly<Partial<Record<BackendName, BackendLoader>>>,
  preferred: string | undefined,
): Promise<BackendChoice> {
  const candidates = backendNames.filter((name) => loaders[name] !== undefined);
  if (preferred !== undefined && !candidates.some((name) => name === preferred)) {
    throw new HidiffError("backend.unknown", `There is no backend "${preferred}" here; choose one of ${candidates.join(", ")}.`);
  }
  const attempts: BackendAttempt[] = [];
  for (const name of candidates.filter((candidate) => preferred === undefined || candidate === preferred)) {
    try {
      const reason = await loaders[name]!();
      registerGradients();
      attempts.push({ name, loaded: true, reason });
      return { name, reason, attempts };
    } catch (error) {
      attempts.push({ name, loaded: false, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  const reasons = attempts.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  throw new HidiffError("backend.unavailable", `No tensor backend could be loaded (${reasons}).`);
}

/** Makes a registered backend the current one. */
export async function activate(registeredName: string): Promise<void> {
  if (!(await setBackend(registeredName))) throw new HidiffError("backend.unavailable", `${registeredName} did not initialize`);
}

/**
 * Chooses among the backends that run in browsers and in Node alike: `wasm`, then `cpu`.
 * (`@hidiff/core-tensor/node` has the function that knows the native ones, too.)
 */
export function selectBackend({ prefer }: { readonly prefer?: string | undefined } = {}): Promise<BackendChoice> {
  return selectFrom(portableLoaders, prefer);
}

/** The current backend's registered name: `tensorflow`, `wasm` or `cpu`. */
export function currentBackend(): string {
  return engine().backendName;
}

/** Silences TensorFlow.js's advertisement of its native backend. */
function quiet(): void {
  env().set("PROD", true);
}
