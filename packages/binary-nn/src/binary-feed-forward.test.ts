import { Generator, sub, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../test/backend.ts";
import { BinaryFeedForward } from "./binary-feed-forward.ts";
import { embeddingChannels, expectModule } from "./testing/expect-module.ts";

beforeAll(useTestBackend);

describe.each(["binary", "real"] as const)("BinaryFeedForward, %s", (precision) => {
  // Grids narrower than the windows of 3 and 5 tokens, and both ways round.
  it.each([
    { batch: 2, size: [2, 3], channels: 4, training: true },
    { batch: 2, size: [6, 2], channels: 3, training: false },
    { batch: 1, size: [1, 7], channels: 2, training: true },
    { batch: 3, size: [1, 1], channels: 5, training: false },
  ] as const)("equals the loops, with all gradients: $batch×$size, $channels channels, training $training", async ({ batch, size, channels, training }) => {
    const module = new BinaryFeedForward({ channels, embeddingChannels, precision }, new Generator(0));
    const shape = [batch, size[0] * size[1], channels];
    await expectModule({
      module,
      precision,
      training,
      inputs: [{ shape }, { shape }],
      forward: ([input, residual], time) => module.forward(input!, residual!, time, size, { training }),
      reference: (layers, [input, residual]) => layers.feedForward("", input!, residual!, size),
    });
    module.dispose();
  });
});

it("pools over neighbours, the zeros around the grid counted", () => {
  const module = new BinaryFeedForward({ channels: 1, embeddingChannels: 1, precision: "binary" }, new Generator(0));
  const open = (pool: string): void => {
    const state = module.stateDict();
    for (const name of state.keys()) {
      if (name.endsWith("alpha.linear.bias")) state.set(name, { shape: [1], data: Float32Array.of(name.startsWith(pool) ? 1 : 0) });
    }
    module.loadStateDict(state);
  };
  const pooled = (pool: string): Float32Array => {
    open(pool);
    return tidy(() => {
      // A fresh norm in evaluation changes nothing but by its epsilon.
      const tokens = tensor([15, 30, 45, 60, 75, 90], [1, 6, 1]);
      const time = { activatedEmbedding: tensor([1], [1, 1]) };
      const output = module.forward(tokens, tensor([0, 0, 0, 0, 0, 0], [1, 6, 1]), time, [2, 3], { training: false });
      return sub(output, tokens).dataSync() as Float32Array;
    });
  };
  const tolerance = { absolute: 1e-3 };
  expect(pooled("pooledHeight3")).toBeAllClose([25, 35, 45, 25, 35, 45], tolerance);
  expect(pooled("pooledHeight5")).toBeAllClose([15, 21, 27, 15, 21, 27], tolerance);
  expect(pooled("pooledWidth3")).toBeAllClose([15, 30, 25, 45, 75, 55], tolerance);
  expect(pooled("pooledWidth5")).toBeAllClose([18, 18, 18, 45, 45, 45], tolerance);
  module.dispose();
});
