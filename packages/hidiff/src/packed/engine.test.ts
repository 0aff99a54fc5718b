import { expect, it } from "vitest";
import { tinyArchitecture } from "../testing/tiny.ts";
import { chooseEngine, reasonAgainstPacking } from "./engine.ts";

it("packs binary refiners with Bernoulli diffusion, and nothing else", () => {
  const packable = tinyArchitecture();
  expect(reasonAgainstPacking(packable)).toBeUndefined();
  expect([chooseEngine(packable), chooseEngine(packable, "packed"), chooseEngine(packable, "graph")]).toEqual(["packed", "packed", "graph"]);
  const others = [
    [tinyArchitecture({ refiner: { precision: "real" } }), /real-valued/],
    [tinyArchitecture({ refiner: { kind: "discriminative" } }), /discriminative/],
    [tinyArchitecture({ diffusion: { kernel: "gaussian", target: "epsilon" } }), /not binary/],
    [tinyArchitecture({ refiner: { baseWidth: 912 } }), /above 910/],
  ] as const;
  for (const [architecture, reason] of others) {
    expect(chooseEngine(architecture)).toBe("graph");
    expect(() => chooseEngine(architecture, "packed")).toThrow(reason);
  }
});
