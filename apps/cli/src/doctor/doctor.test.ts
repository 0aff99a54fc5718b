import type { BackendName } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { hidiff, lastLine } from "../testing/command.ts";
import { advise, explainChoice } from "./advice.ts";
import type { BackendReport } from "./probe.ts";
import type { DoctorReport } from "./report.ts";
import { installedVersions } from "./software.ts";
import { measureSpeed } from "./speed.ts";

const capabilities = { backend: "x", trains: true } as const;
const loads = (name: BackendName): BackendReport => ({ name, loaded: true, reason: "works", capabilities });
const fails = (name: BackendName): BackendReport => ({ name, loaded: false, reason: "is not installed" });
const portable = [fails("tfjs-node-gpu"), fails("tfjs-node"), loads("wasm"), loads("cpu")];
const images = { working: true, formats: ["png"] } as const;
const adviceOn = (findings: Partial<Parameters<typeof advise>[0]>): string[] =>
  advise({ backends: portable, chosen: portable[2], preferred: undefined, gpus: [], images, ...findings });

describe("advise", () => {
  it("names the command that makes training faster here", () => {
    expect(adviceOn({})).toEqual(["To train several times faster: hidiff doctor --install-native"]);
    expect(adviceOn({ gpus: ["NVIDIA H100"] })).toEqual(["To train on the NVIDIA processor: hidiff doctor --install-native gpu"]);
    const native = [fails("tfjs-node-gpu"), loads("tfjs-node"), loads("wasm"), loads("cpu")];
    expect(adviceOn({ backends: native, chosen: native[1] })).toEqual([]);
    expect(adviceOn({ backends: native, chosen: native[2], preferred: "wasm" })).toEqual(["tfjs-node loads, too, and is preferred where HIDIFF_BACKEND is unset."]);
  });

  it("tells what is broken", () => {
    expect(adviceOn({ chosen: undefined, preferred: "wsam" })).toEqual(["Unset HIDIFF_BACKEND, or set it to one of wasm, cpu."]);
    expect(adviceOn({ images: { working: false, formats: [], problem: "x" } })[0]).toContain("Images cannot be read");
    const engine = { name: "graph", reason: "WebAssembly has no SIMD here." } as const;
    const slow = { ...loads("wasm"), speed: { trainingSteps: 1, images: 1, engine } };
    expect(adviceOn({ chosen: slow }).at(-1)).toBe("The packed engine does not work here, and refinement is slow: WebAssembly has no SIMD here.");
  });
});

it("explains the choice", () => {
  expect(explainChoice(portable[2], undefined)).toBe("the first of the list that loads");
  expect(explainChoice(portable[2], "wasm")).toBe("HIDIFF_BACKEND names it");
  expect(explainChoice(undefined, "tfjs-node")).toBe('HIDIFF_BACKEND is "tfjs-node", which does not load');
  expect(explainChoice(undefined, "wsam")).toBe('HIDIFF_BACKEND is "wsam", which is no backend. Did you mean "wasm"?');
});

it("knows what is installed", () => {
  const versions = installedVersions();
  expect(versions).toMatchObject({ node: process.versions.node, "@tensorflow/tfjs-core": "4.22.0" });
  expect(versions["sharp"]).toMatch(/^0\.\d+\.\d+$/);
});

describe("on the backend under test", () => {
  beforeAll(useTestBackend);

  it("measures training and inference, and leaves nothing behind", () =>
    noLeak(async () => {
      const { trainingSteps, images: imagesPerSecond, engine } = await measureSpeed(0.01);
      expect(trainingSteps).toBeGreaterThan(0);
      expect(Number.isFinite(trainingSteps)).toBe(true);
      expect(imagesPerSecond).toBeGreaterThan(0);
      expect(engine).toMatchObject({ name: "packed", simd: expect.stringMatching(/relaxed|plain/) });
    }));
});

it("reports every backend, and fails where HIDIFF_BACKEND names none", async () => {
  const outcome = await hidiff(["doctor", "--json"], { environment: { HIDIFF_BACKEND: "wsam" } });
  expect(outcome.code).toBe(1);
  expect(lastLine(outcome)).toBe("error: nothing can be trained here as it is; see the report.");
  const report = JSON.parse(outcome.stdout) as DoctorReport;
  expect(report.chosen).toBeUndefined();
  expect(report.reason).toContain('"wsam", which is no backend');
  const wasm = report.backends.find(({ name }) => name === "wasm")!;
  expect(wasm).toMatchObject({ loaded: true, capabilities: { trains: true } });
  expect(wasm.speed!.trainingSteps).toBeGreaterThan(0);
  expect(report.machine.cores).toBeGreaterThan(0);
  expect(report.images.formats).toContain("png");
});
