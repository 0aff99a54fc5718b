import { Generator, mul, sum, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { centralDifferences, expectGradients, gradientsOf, testVariable } from "../../core-tensor/src/testing/expect-gradients.ts";
import { matMul, softmax } from "../../core-tensor/src/testing/reference.ts";
import { binaryAttentionWeights, crossAttention } from "./binary-attention.ts";
import { attended, xnorDot } from "./testing/reference.ts";

beforeAll(useTestBackend);

function randomSigns(generator: Generator, length: number): Float32Array {
  return generator.bernoulliArray(new Float32Array(length).fill(0.5)).map((bit) => 2 * bit - 1);
}

describe("binaryAttentionWeights", () => {
  it.each([
    { case: "keys above 0.35 of the maximum", dots: [40, 16, 12, 0, -40], expected: [1, 1, 0, 0, 0] },
    { case: "a tie gives 0", dots: [40, 14, 14, 16, 12], expected: [1, 0, 0, 1, 0] },
    { case: "a maximum of 0 is a tie", dots: [0, 0, -2, -4, 0], expected: [0, 0, 0, 0, 0] },
    { case: "a negative maximum is below 0.35 of itself", dots: [-1, -3, -1, -5, -7], expected: [0, 0, 0, 0, 0] },
    { case: "all equal and positive", dots: [1, 1, 1, 1, 1], expected: [1, 1, 1, 1, 1] },
    { case: "large tie", dots: [2000, 700, 702, 698, -2000], expected: [1, 0, 1, 0, 0] },
  ])("$case", ({ dots, expected }) => {
    // Scales that are no powers of two, so that ties would break if the scores were compared.
    for (const scale of [1, 1 / Math.sqrt(40), 0.3, 1e-3]) {
      tidy(() => {
        expect([...binaryAttentionWeights(tensor(dots, [1, 1, 5]), scale).dataSync()]).toEqual(expected);
      });
    }
  });

  it("compares exactly: every pair of products up to 128, the published width of a head", () => {
    const pairs = Float64Array.from({ length: 2 * 257 * 257 }, (_, index) => (index % 2 === 0 ? Math.floor(index / 514) : Math.floor(index / 2) % 257) - 128);
    tidy(() => {
      const weights = binaryAttentionWeights(tensor([...pairs], [1, pairs.length / 2, 2]), 1 / Math.sqrt(128));
      expect(weights.dataSync()).toBeAllClose(attended(pairs, 2), {});
    });
  });

  it.each([
    { shape: [1, 1, 1], scale: 1 },
    { shape: [2, 3, 4], scale: 0.25 },
    { shape: [3, 2, 7], scale: 1 / Math.sqrt(5) },
  ])("has the gradient of the softmax of the scores: $shape, scale $scale", async ({ shape, scale }) => {
    await noLeak(() => {
      const generator = new Generator(shape.join());
      const others = shape[2]!;
      const values = Float32Array.from({ length: shape[0]! * shape[1]! * others }, () => generator.integer(11) - 5);
      const weights = generator.uniformArray(values.length, -1, 1);
      const surrogate = (dots: Float64Array): number =>
        softmax(dots.map((dot) => dot * scale), others).reduce((total, value, index) => total + value * weights[index]!, 0);
      const dots = testVariable(values, shape);
      const [gradient] = gradientsOf(() => sum(mul(binaryAttentionWeights(dots, scale), tensor(weights, shape))), [dots]);
      expect(gradient!).toBeAllClose(centralDifferences(surrogate, [values])[0]!, { absolute: 1e-6 });
      dots.dispose();
    });
  });
});

const random = new Generator("attention");
const shapes = [
  [1, 1, 1, 1],
  [2, 3, 3, 40],
  ...Array.from({ length: 4 }, () => [1 + random.integer(3), 1 + random.integer(5), 1 + random.integer(6), 2 + random.integer(14)]),
].map(([groups, tokens, others, width]) => ({ groups: groups!, tokens: tokens!, others: others!, width: width! }));

describe.each(shapes)("crossAttention of $groups groups, $tokens to $others tokens of width $width", ({ groups, tokens, others, width }) => {
  const shapeOf = (count: number): number[] => [groups, count, width];

  it("binary, equals a loop over integers; its gradient is that of softmax attention's scores and of the binary weights' values", async () => {
    await noLeak(() => {
      const generator = new Generator(`${groups},${tokens},${others},${width}`);
      const [queries, keys, values] = [tokens, others, others].map((count) => randomSigns(generator, groups * count * width)) as [Float32Array, Float32Array, Float32Array];
      const vector = (signs: Float32Array, row: number): number[] => [...signs.subarray(row * width, (row + 1) * width)];
      const dots = Float64Array.from({ length: groups * tokens * others }, (_, index) => {
        const row = Math.floor(index / others);
        return xnorDot(vector(queries, row), vector(keys, Math.floor(row / tokens) * others + (index % others)));
      });
      const hard = attended(dots, others);
      const expected = matMul(hard, Float64Array.from(values), groups, tokens, others, width);

      const variables = [queries, keys, values].map((data, index) => testVariable(data, shapeOf(index === 0 ? tokens : others)));
      const [query, key, value] = variables as [(typeof variables)[0], (typeof variables)[0], (typeof variables)[0]];
      tidy(() => {
        expect([...crossAttention(query, key, value, "binary").dataSync()]).toEqual([...expected]);
      });

      const weights = generator.uniformArray(expected.length, -1, 1);
      const gradients = gradientsOf(() => sum(mul(crossAttention(query, key, value, "binary"), tensor(weights, shapeOf(tokens)))), variables);
      const scoresOf = (q: Float64Array, k: Float64Array): Float64Array =>
        Float64Array.from(dots, (_, index) => {
          const row = Math.floor(index / others);
          const other = Math.floor(row / tokens) * others + (index % others);
          let dot = 0;
          for (let c = 0; c < width; c++) dot += q[row * width + c]! * k[other * width + c]!;
          return dot / Math.sqrt(width);
        });
      const objective = (attention: Float64Array, v: Float64Array): number =>
        matMul(attention, v, groups, tokens, others, width).reduce((total, entry, index) => total + entry * weights[index]!, 0);
      const [ofQuery, ofKey] = centralDifferences((q, k) => objective(softmax(scoresOf(q!, k!), others), Float64Array.from(values)), [queries, keys]);
      const [ofValue] = centralDifferences((v) => objective(hard, v!), [values]);
      [ofQuery!, ofKey!, ofValue!].forEach((slopes, index) => {
        expect(gradients[index]!, `gradient of input ${index}`).toBeAllClose(slopes, { absolute: 2e-5 });
      });
      for (const variable of variables) variable.dispose();
    });
  });

  it("real, has softmax attention's values and gradients", async () => {
    await expectGradients({
      inputs: [{ shape: shapeOf(tokens) }, { shape: shapeOf(others) }, { shape: shapeOf(others) }],
      operation: (query, key, value) => crossAttention(query!, key!, value!, "real"),
      reference: (query, key, value) => {
        const output = new Float64Array(query!.length);
        for (let row = 0; row < groups * tokens; row++) {
          const first = Math.floor(row / tokens) * others;
          const scores = Float64Array.from({ length: others }, (_, other) => {
            let dot = 0;
            for (let c = 0; c < width; c++) dot += query![row * width + c]! * key![(first + other) * width + c]!;
            return dot / Math.sqrt(width);
          });
          softmax(scores, others).forEach((weight, other) => {
            for (let c = 0; c < width; c++) output[row * width + c]! += weight * value![(first + other) * width + c]!;
          });
        }
        return output;
      },
    });
  });
});

it("does not attend to a key at a tie: products 40 and 14", () => {
  const width = 40;
  const signs = (negative: number): number[] => Array.from({ length: width }, (_, c) => (c < negative ? -1 : 1));
  tidy(() => {
    const query = tensor(signs(0), [1, 1, width]);
    const keys = tensor([signs(0), signs(13), signs(12), signs(14)].flat(), [1, 4, width]); // products 40, 14, 16, 12
    const values = tensor([1, -1, -1, -1].flatMap((sign) => signs(0).map((one) => sign * one)), [1, 4, width]);
    expect([...crossAttention(query, keys, values, "binary").dataSync()]).toEqual(signs(0).map(() => 0)); // 1 + −1
  });
});
