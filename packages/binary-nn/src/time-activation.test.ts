import { Generator, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../test/backend.ts";
import { expectGradients, sizeOf } from "../../core-tensor/src/testing/expect-gradients.ts";
import { embeddingChannels, expectModule } from "./testing/expect-module.ts";
import { shiftedPrelu, TimeActivation } from "./time-activation.ts";

beforeAll(useTestBackend);

describe("shiftedPrelu", () => {
  const random = new Generator("shapes");
  const shapes = Array.from({ length: 4 }, (_, index) => Array.from({ length: 2 + (index % 3) }, () => 1 + random.integer(4)));

  it.each([[1, 1, 1], [2, 3, 4, 5], ...shapes].map((shape) => ({ shape })))("of $shape has the reference's values and gradients for slopes in −2 … 3", async ({ shape }) => {
    const [batch, channels] = [shape[0]!, shape.at(-1)!];
    const slopes = new Generator(shape.join()).uniformArray(channels, -2, 3);
    await expectGradients({
      inputs: [{ shape }, { shape: [batch, channels] }, { shape: [channels], values: slopes }, { shape: [batch, channels] }],
      operation: (input, before, slope, after) => shiftedPrelu(input!, before!, slope!, after!),
      reference: (input, before, slope, after) => {
        const perItem = sizeOf(shape) / batch;
        return input!.map((value, index) => {
          const own = Math.floor(index / perItem) * channels + (index % channels);
          const u = value + before![own]!;
          return (u > 0 ? u : slope![index % channels]! * u) + after![own]!;
        });
      },
    });
  });

  it("takes slopes above 1, of 0 and below 0", () => {
    tidy(() => {
      const output = shiftedPrelu(tensor([2, 2, 2, -2, -2, -2], [1, 2, 3]), tensor([1, 1, 1], [1, 3]), tensor([4, 0, -3]), tensor([0.5, 0, 0], [1, 3]));
      expect(output.shape).toEqual([1, 2, 3]);
      expect([...output.dataSync()]).toEqual([3.5, 3, 3, -3.5, 0, 3]);
    });
  });
});

describe("TimeActivation", () => {
  it("starts as a PReLU of slope 0.25", () => {
    const module = new TimeActivation({ channels: 2, embeddingChannels: 1 }, new Generator(0));
    tidy(() => {
      const output = module.forward(tensor([-4, 4, 0, -1], [1, 2, 2]), { activatedEmbedding: tensor([7], [1, 1]) });
      expect([...output.dataSync()]).toEqual([-1, 4, 0, -0.25]);
    });
    module.dispose();
  });

  it("equals the loops, with all gradients", async () => {
    const module = new TimeActivation({ channels: 5, embeddingChannels }, new Generator(0));
    await expectModule({
      module,
      precision: "real",
      inputs: [{ shape: [2, 3, 2, 5] }],
      forward: ([input], time) => module.forward(input!, time),
      reference: (layers, [input]) => layers.activation("", input!),
    });
    module.dispose();
  });
});
