import { createRequire } from "node:module";
import { setBackend } from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { restoreRemovedUtilities } from "./node-compatibility.ts";
import { backendNames, currentBackend, portableLoaders, selectBackend as selectPortable, selectFrom } from "./portable.ts";
import { probeBackend } from "./probe.ts";
import { selectBackend } from "./select-node.ts";

beforeAll(useTestBackend);
afterEach(() => {
  vi.unstubAllEnvs();
});

const registered: Record<string, string> = { "tfjs-node-gpu": "tensorflow", "tfjs-node": "tensorflow", wasm: "wasm", cpu: "cpu" };
const fails = (reason: string) => (): Promise<string> => Promise.reject(new Error(reason));

describe("backend selection", () => {
  it("takes the first that loads, and says what became of the others", async () => {
    const kept = currentBackend();
    const tried: string[] = [];
    const loads = (name: string) => (): Promise<string> => {
      tried.push(name);
      return Promise.resolve("works");
    };
    const choice = await selectFrom(
      {
        cpu: loads("cpu"),
        wasm: loads("wasm"),
        "tfjs-node": fails("no addon"),
        "tfjs-node-gpu": fails("no CUDA"),
      },
      undefined,
    );
    expect(tried).toEqual(["wasm"]);
    expect(choice).toEqual({
      name: "wasm",
      reason: "works",
      attempts: [
        { name: "tfjs-node-gpu", loaded: false, reason: "no CUDA" },
        { name: "tfjs-node", loaded: false, reason: "no addon" },
        { name: "wasm", loaded: true, reason: "works" },
      ],
    });
    expect(currentBackend()).toBe(kept);
    expect(backendNames).toEqual(["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"]);
  });

  it("tries only the one that is asked for, and says why it cannot be had", async () => {
    const loaders = { ...portableLoaders, "tfjs-node": fails("no addon; run this") };
    await expect(selectFrom(loaders, "tfjs-node")).rejects.toMatchObject({
      code: "backend.unavailable",
      message: "No tensor backend could be loaded (tfjs-node: no addon; run this).",
    });
    await expect(selectBackend({ prefer: "tfjs-node-gpu" })).rejects.toThrow(
      /tfjs-node-gpu: @tensorflow\/tfjs-node-gpu (is not installed|has no compiled addon).*; run `hidiff doctor --install-native gpu`/,
    );
  });

  it("lists the names when it does not know one", async () => {
    await expect(selectBackend({ prefer: "webgl" })).rejects.toMatchObject({
      code: "backend.unknown",
      message: 'There is no backend "webgl" here; choose one of tfjs-node-gpu, tfjs-node, wasm, cpu.',
    });
    await expect(selectPortable({ prefer: "tfjs-node" })).rejects.toThrow("choose one of wasm, cpu.");
  });

  it("follows HIDIFF_BACKEND, which an argument overrides", async () => {
    const kept = currentBackend();
    vi.stubEnv("HIDIFF_BACKEND", "cpu");
    expect((await selectBackend()).name).toBe("cpu");
    expect(currentBackend()).toBe("cpu");
    expect((await selectBackend({ prefer: "wasm" })).name).toBe("wasm");
    expect(currentBackend()).toBe("wasm");
    vi.stubEnv("HIDIFF_BACKEND", "nonsense");
    await expect(selectBackend()).rejects.toThrow('no backend "nonsense"');
    await setBackend(kept);
  });
});

describe("probeBackend", () => {
  it("finds that the backend under test trains", async () => {
    const result = await noLeak(probeBackend);
    expect(result).toMatchObject({ trains: true, backend: registered[process.env["HIDIFF_BACKEND"] ?? "wasm"] });
    expect(result.problem).toBeUndefined();
    expect(result.trainingStepMilliseconds).toBeGreaterThan(0);
    expect(result.gigaMultiplyAddsPerSecond).toBeGreaterThan(0);
  });

  it.each(["wasm", "cpu"])("finds that %s trains", async (name) => {
    const kept = currentBackend();
    await selectBackend({ prefer: name });
    expect(await noLeak(probeBackend)).toMatchObject({ trains: true, backend: name });
    await setBackend(kept);
  });
});

it("provides the functions that Node 23 removed", () => {
  const util = createRequire(import.meta.url)("node:util") as Record<string, ((value: unknown) => boolean) | undefined>;
  const { isArray, isNullOrUndefined } = util;
  try {
    util["isArray"] = undefined;
    util["isNullOrUndefined"] = undefined;
    restoreRemovedUtilities();
    expect([[], null, {}].map((value) => util["isArray"]!(value))).toEqual([true, false, false]);
    expect([null, undefined, 0, ""].map((value) => util["isNullOrUndefined"]!(value))).toEqual([true, true, false, false]);
  } finally {
    util["isArray"] = isArray;
    util["isNullOrUndefined"] = isNullOrUndefined;
  }
});
