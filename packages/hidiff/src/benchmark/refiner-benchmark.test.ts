import { decodeSafetensors } from "@hidiff/core-tensor/files";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { decodeCompiledRefiner } from "../packed/compiled-refiner.ts";
import { tinyArchitecture } from "../testing/tiny.ts";
import { benchmarkConfiguration } from "./configurations.ts";
import { RefinerBenchmark, refinerEngines } from "./refiner-benchmark.ts";

beforeAll(useTestBackend);

it("measures all engines for the rounds that are asked for, and leaves nothing behind", () =>
  noLeak(async () => {
    const benchmark = await RefinerBenchmark.create({ architecture: tinyArchitecture(), size: 32, threads: 1 });
    const rounds: string[] = [];
    const { step, preparation } = await benchmark.measureSteps({ rounds: 2, onRound: (engine, round) => void rounds.push(`${engine} ${round}`) });
    expect(rounds.slice(-4)).toEqual(["preparation 2", "packed 2", "graphBinary 2", "graphReal 2"]);
    const inference = await benchmark.measureInference({ rounds: { packed: 2, graphBinary: 1, graphReal: 1 } });
    expect(refinerEngines.map((engine) => inference[engine].seconds.rounds)).toEqual([2, 1, 1]);
    for (const engine of refinerEngines) {
      for (const { seconds, timesPacked } of [step[engine], inference[engine]]) expect(timesPacked * seconds.median).toBeGreaterThan(0);
      // tinyArchitecture has three steps
      const { float } = benchmark.operations;
      const once = engine === "packed" ? float.image : 0;
      expect(inference[engine].operations.float).toBe(once + 3 * step[engine].operations.float);
    }
    expect(preparation.operations).toEqual({ binary: 0, float: benchmark.operations.float.image });
    expect(step.packed.gigaBinaryPerSecond).toBeCloseTo(benchmark.operations.binary / step.packed.seconds.median / 1e9, 12);
    benchmark.dispose();
  }));

it("has the refiner's two files: the packed one for all steps, the float one with all parameters", async () => {
  const benchmark = await RefinerBenchmark.create({ architecture: tinyArchitecture(), size: 32, threads: 1 });
  const { packed, float } = benchmark.files();
  expect(decodeCompiledRefiner(packed, "packed").steps).toEqual([0, 1, 2]);
  const head = decodeSafetensors(float, "float").tensors.get("headConvolution.weight")!;
  expect(head.shape).toEqual([3, 3, 4, 1]);
  expect(head.data.some((value) => value !== 0)).toBe(true);
  benchmark.dispose();
});

it("knows the paper's refiner and that of drive-small", () => {
  const [paper, small] = [benchmarkConfiguration("paper"), benchmarkConfiguration("small")];
  expect(paper).toMatchObject({
    size: 256,
    architecture: { imageChannels: 1, classes: 9, refiner: { baseWidth: 128, precision: "binary" }, segmentor: { name: "unet", options: {} }, diffusion: { steps: 10 } },
  });
  expect(small).toMatchObject({ size: 128, architecture: { imageChannels: 3, classes: 1, refiner: { baseWidth: 24 }, segmentor: { options: { baseWidth: 8, depth: 4 } } } });
});
