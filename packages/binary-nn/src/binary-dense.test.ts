import { Generator } from "@hidiff/core-tensor";
import { beforeAll, describe, it } from "vitest";
import { useTestBackend } from "../../../test/backend.ts";
import { BinaryDense } from "./binary-dense.ts";
import { embeddingChannels, expectModule } from "./testing/expect-module.ts";

beforeAll(useTestBackend);

describe.each(["binary", "real"] as const)("BinaryDense, %s", (precision) => {
  it.each([
    { batch: 2, tokens: 6, inChannels: 4, outChannels: 8, training: true },
    { batch: 2, tokens: 6, inChannels: 4, outChannels: 8, training: false },
    { batch: 3, tokens: 5, inChannels: 7, outChannels: 3, training: true },
    { batch: 1, tokens: 1, inChannels: 5, outChannels: 2, training: false },
  ])("equals the loops, with all gradients: $batch×$tokens, $inChannels to $outChannels, training $training", async ({ batch, tokens, inChannels, outChannels, training }) => {
    const module = new BinaryDense({ inChannels, outChannels, embeddingChannels, precision }, new Generator(0));
    await expectModule({
      module,
      precision,
      training,
      inputs: [{ shape: [batch, tokens, inChannels] }, { shape: [batch, tokens, outChannels] }],
      forward: ([input, shortcut], time) => module.forward(input!, shortcut!, time, { training }),
      reference: (layers, [input, shortcut]) => layers.dense("", input!, shortcut!),
    });
    module.dispose();
  });
});
