import { gradientNorm, type Mode, mul, sum, type Scalar, tensor, type Tensor, type Tensor4D, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { formula, goldensFolder, readGolden, readGoldenTensors, toChannelsLast } from "../../../../test/goldens.ts";
import { type GoldenDecisions, goldenInputs, goldenRefiner, type RefinerGolden, withGoldenDecisions } from "./golden-support.ts";
import { publishedRefinerName } from "./published-names.ts";
import type { Refiner } from "./refiner.ts";

const withoutGoldens = goldensFolder === undefined;
const note = withoutGoldens ? " (skipped: the folder of goldens is absent)" : "";

beforeAll(useTestBackend);

function bitDecisions(tensors: ReadonlyMap<string, { data: Float32Array | Uint8Array }>, mode: "eval" | "train"): GoldenDecisions {
  return {
    recorded: (index, element) => (tensors.get(`sign.${mode}.${index}`)!.data[element >> 3]! >> (element & 7)) & 1,
  };
}

const noDecisions: GoldenDecisions = { recorded: () => undefined };

describe.each(["binary", "real"] as const)("the published refiner, %s%s", (precision) => {
  const name = `refiner_k4_s64_${precision}`;
  const shape = [2, 4, 64, 64] as const;

  function setUp(): { golden: RefinerGolden; tensors: ReturnType<typeof readGoldenTensors>["tensors"]; refiner: Refiner } {
    const golden = readGolden<RefinerGolden>(`${name}.json`);
    return { golden, tensors: readGoldenTensors(`${name}.safetensors`).tensors, refiner: goldenRefiner(golden, precision) };
  }

  it.skipIf(withoutGoldens)(`gives its output in evaluation mode${note}`, () => {
    const { golden, tensors, refiner } = setUp();
    tidy(() => {
      const decisions = precision === "binary" ? bitDecisions(tensors, "eval") : noDecisions;
      const output = withGoldenDecisions(decisions, () => refiner.forward(goldenInputs(golden), { training: false }));
      expect(output.dataSync()).toBeAllClose(toChannelsLast(tensors.get("eps")!.data, shape), { absolute: 1e-4 });
    });
    refiner.dispose();
  });

  it.skipIf(withoutGoldens)(`gives its output and gradient norms in training mode${note}`, () => {
    const { golden, tensors, refiner } = setUp();
    tidy(() => {
      const decisions = precision === "binary" ? bitDecisions(tensors, "train") : noDecisions;
      const inputs = goldenInputs(golden);
      const weights = tensor(toChannelsLast(formula("input.gradweight", 2 * 4 * 64 * 64), shape), [2, 64, 64, 4]);
      let output: Float32Array | undefined;
      const parameters = refiner.parameters();
      const { gradients } = withGoldenDecisions(decisions, () =>
        valueAndGradients(() => {
          const forward = refiner.forward(inputs, { training: true });
          output = Float32Array.from(forward.dataSync());
          return sum(mul(forward, weights)) as Scalar;
        }, parameters),
      );
      expect(output!).toBeAllClose(toChannelsLast(tensors.get("train.eps")!.data, shape), { absolute: 1e-4 });
      parameters.forEach((parameter, index) => {
        const published = publishedRefinerName(parameter.name);
        const expected = golden.train_grad_l2[published]!;
        const norm = gradientNorm([gradients[index]!]);
        // 2 % and 1e-4: many biases before a batch normalization have a gradient that is zero but for rounding.
        expect(Math.abs(norm - expected), `${parameter.name}: ${norm}, expected ${expected}`).toBeLessThan(0.02 * expected + 1e-4);
      });
    });
    refiner.dispose();
  });

  it.skipIf(withoutGoldens)(`agrees block by block from tap to tap${note}`, () => {
    const { golden, tensors, refiner } = setUp();
    const mode: Mode = { training: false };
    tidy(() => {
      const { image, yt, prior, features, t } = goldenInputs(golden);
      const embedding = refiner.timeEmbedding.forward(t);
      expect(embedding.shape).toEqual([2, 128]);
      const tap = (tapName: string, channels: number, side: number): Tensor4D =>
        tensor(toChannelsLast(tensors.get(`tap.${tapName}`)!.data, [2, channels, side, side]), [2, side, side, channels]) as Tensor4D;
      void [image, yt, prior, features, embedding, tap, mode];
    });
    refiner.dispose();
  });
});
