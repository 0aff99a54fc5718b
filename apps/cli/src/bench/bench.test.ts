import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { refinerEngines } from "hidiff";
import { beforeAll, describe, expect, it } from "vitest";
import { backendRemark, inferenceTable, memoryTable, stepTable } from "./print.ts";
import type { BenchDocument, ConfigurationReport } from "./report.ts";
import { formatBytes, formatCount, formatSeconds } from "./units.ts";

it.each([
  [0, "0"],
  [999, "999"],
  [1000, "1.00 k"],
  [442_368, "442 k"],
  [999_999, "1000 k"],
  [8_147_435_520, "8.15 G"],
  [78_500_000_000, "78.5 G"],
  [2_345_000_000_000, "2345 G"],
])("formatCount(%d) is %s", (value, text) => expect(formatCount(value)).toBe(text));

it.each([
  [512, "512 B"],
  [2_786_460, "2.79 MB"],
  [1_434_000_000, "1.43 GB"],
])("formatBytes(%d) is %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

it.each([
  [0.000_381, "0.381 ms"],
  [0.001_41, "1.41 ms"],
  [0.31, "310 ms"],
  [0.9996, "1000 ms"],
  [8.416, "8.42 s"],
  [83.94, "83.9 s"],
  [1234.5, "1235 s"],
])("formatSeconds(%d) is %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

describe("tables", () => {
  const measured = (median: number, timesPacked: number, binary: number, float: number): ConfigurationReport["step"]["packed"] => ({
    seconds: { rounds: 5, median, minimum: 0.9 * median, maximum: 1.5 * median },
    operations: { binary, float },
    gigaBinaryPerSecond: binary / median / 1e9,
    timesPacked,
  });
  const step = { packed: measured(0.32, 1, 78.5e9, 5.2e9), graphBinary: measured(8, 25, 78.5e9, 8.15e9), graphReal: measured(2.4, 7.5, 0, 86.65e9) };
  const preparation = measured(0.05, 1, 0, 3e9);
  const cells = (table: string): string[][] => table.split("\n").map((line) => line.split(/ {2,}/));

  it("show times and counted operations side by side", () => {
    const [header, , packed, graph, real, once] = cells(stepTable({ step, preparation }));
    expect(header).toEqual(["One step, image prepared", "Median", "Least – most", "Rounds", "× packed", "Binary MAC", "Float MAC", "10⁹ binary MAC/s"]);
    expect(packed).toEqual(["packed engine", "320 ms", "288 ms – 480 ms", "5", "1.00", "78.5 G", "5.20 G", "245"]);
    expect(graph).toEqual(["graph engine, binary", "8.00 s", "7.20 s – 12.0 s", "5", "25.0", "78.5 G", "8.15 G", "9.81"]);
    expect(real).toEqual(["graph engine, real-valued twin", "2.40 s", "2.16 s – 3.60 s", "5", "7.50", "0", "86.7 G", "–"]);
    expect(once).toEqual(["packed, once per image", "50.0 ms", "45.0 ms – 75.0 ms", "5", "0", "3.00 G", "–"]);
  });

  it("name the steps of an inference", () => {
    expect(inferenceTable({ inference: step, steps: 10 }).split("\n")[0]).toContain("Inference: segmentor, 10 steps");
  });

  it("compare memory and files", () => {
    const memory = {
      packed: { startBytes: 8e7, peakBytes: 5e8, engineBytes: 3.3e8 },
      graphBinary: { startBytes: 8e7, peakBytes: 2e9 },
      graphReal: { startBytes: 8e7, peakBytes: 1.9e9 },
    };
    const [, , packed, graph] = cells(memoryTable({ memory, fileBytes: { packed: 2e7, float: 1.2e8 } }));
    expect(packed).toEqual(["packed engine", "500 MB", "80.0 MB", "330 MB", "20.0 MB"]);
    expect(graph).toEqual(["graph engine, binary", "2.00 GB", "80.0 MB", "–", "120 MB"]);
  });

  it.each(["tfjs-node-gpu", "wasm", "cpu"])("come with a remark on %s", (backend) => expect(backendRemark(backend)).toMatch(/graph engine/));

  it("need none on the native backend", () => expect(backendRemark("tfjs-node")).toBeUndefined());
});

describe("hidiff bench refiner", () => {
  const repository = fileURLToPath(new URL("../../../..", import.meta.url));
  const hidiff = (...arguments_: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, ["--conditions=@hidiff/source", "--import", "tsx", join("apps", "cli", "bin", "hidiff.js"), "bench", ...arguments_], {
      cwd: repository,
      env: { ...process.env, NO_COLOR: "1", DEBUG: "" },
    });

  let document: BenchDocument;
  let progress = "";
  beforeAll(async () => {
    const { stdout, stderr } = await hidiff("refiner", "--preset", "small", "--rounds", "1", "--size", "32", "--threads", "1", "--backend", "wasm", "--json");
    document = JSON.parse(stdout) as BenchDocument;
    progress = stripVTControlCharacters(stderr);
  });

  it("says what it was measured on", () => {
    expect(document.backend.name).toBe("wasm");
    expect(document.machine.cores).toBeGreaterThan(0);
    expect(document.machine.node).toBe(process.versions.node);
    expect(document.loadAverage.end).toBeGreaterThanOrEqual(0);
    expect(document.configurations.map(({ name, size, steps }) => [name, size, steps])).toEqual([["small", 32, 10]]);
    expect(progress).toContain("small: done: 100 %");
  });

  it("measures every engine", () => {
    const { step, preparation, inference, packedEngine } = document.configurations[0]!;
    expect(packedEngine.threads).toBe(1);
    for (const measurements of [step, inference]) {
      for (const engine of refinerEngines) {
        const { seconds: time, timesPacked } = measurements[engine];
        expect(time).toMatchObject({ rounds: 1, minimum: time.median, maximum: time.median });
        expect(timesPacked).toBeCloseTo(time.median / measurements.packed.seconds.median, 9);
      }
    }
    for (const engine of refinerEngines) {
      // of ten steps and more
      expect(inference[engine].seconds.median).toBeGreaterThan(step[engine].seconds.median);
      expect(inference[engine].seconds.median).toBeLessThan(document.seconds);
    }
    expect(preparation.seconds.median).toBeGreaterThan(0);
    expect(step.packed.operations.binary).toBe(step.graphBinary.operations.binary);
    expect(step.graphReal.operations).toEqual({ binary: 0, float: step.graphBinary.operations.binary + step.graphBinary.operations.float });
  });

  it("tells memory and sizes", () => {
    const { memory, fileBytes } = document.configurations[0]!;
    for (const engine of refinerEngines) expect(memory[engine].peakBytes).toBeGreaterThan(memory[engine].startBytes);
    expect(memory.packed.engineBytes).toBeGreaterThan(fileBytes.packed / 10);
    expect(memory.packed.peakBytes).toBeGreaterThan(memory.packed.engineBytes!);
    expect(memory.graphBinary.engineBytes).toBeUndefined();
    // 1 bit for most of the parameters, against 32
    expect(fileBytes.packed).toBeLessThan(fileBytes.float / 2);
  });

  it.each([
    [["refiner", "--size", "100"], "It must be a multiple of 32."],
    [["refiner", "--preset", "large"], "Allowed choices are paper, small, both."],
    [["refine"], "unknown command 'refine'"],
  ])("%j is wrong usage", async (arguments_, message) => {
    await expect(hidiff(...arguments_)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});
