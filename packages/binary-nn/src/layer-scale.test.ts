import { Generator, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, expect, it } from "vitest";
import { useTestBackend } from "../../../test/backend.ts";
import { LayerScale } from "./layer-scale.ts";
import { embeddingChannels, expectModule } from "./testing/expect-module.ts";

beforeAll(useTestBackend);

it("starts closed", () => {
  const module = new LayerScale({ channels: 2, embeddingChannels: 1 }, new Generator(0));
  tidy(() => {
    const output = module.forward(tensor([1, 2, 3, 4], [1, 2, 2]), { activatedEmbedding: tensor([5], [1, 1]) });
    expect(output.dataSync()).toBeAllClose([0, 0, 0, 0], {});
  });
  module.dispose();
});

it.each([[1, 1, 1], [2, 5, 3], [3, 2, 4]].map((shape) => ({ shape })))("of $shape equals the loops, with all gradients", async ({ shape }) => {
  const module = new LayerScale({ channels: shape[2]!, embeddingChannels }, new Generator(0));
  await expectModule({
    module,
    precision: "real",
    inputs: [{ shape }],
    forward: ([input], time) => module.forward(input!, time),
    reference: (layers, [input]) => layers.layerScale("", input!),
  });
  module.dispose();
});
