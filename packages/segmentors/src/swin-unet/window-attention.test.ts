import { Generator, mul, type Scalar, sum, type Tensor, tensor3d, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { centralDifferences } from "../../../core-tensor/src/testing/expect-gradients.ts";
import { softmax } from "../../../core-tensor/src/testing/reference.ts";
import { WindowAttention } from "./window-attention.ts";

beforeAll(useTestBackend);

const [channels, heads, window, batch, count] = [4, 2, 3, 2, 2];
const width = channels / heads;

/** Loops over windows, heads, queries and keys; `state` holds the layer's arrays. */
function attention(
  state: ReadonlyMap<string, Float64Array>,
  input: Float64Array,
  [rows, columns]: readonly [number, number],
  mask?: Float32Array,
): Float64Array {
  const tokens = rows * columns;
  const linear = (name: string, values: Float64Array, inputs: number, outputs: number): Float64Array =>
    Float64Array.from({ length: (values.length / inputs) * outputs }, (_, index) => {
      const [row, output] = [Math.floor(index / outputs), index % outputs];
      let total = state.get(`${name}.bias`)![output]!;
      for (let i = 0; i < inputs; i++) total += values[row * inputs + i]! * state.get(`${name}.weight`)![i * outputs + output]!;
      return total;
    });
  const qkv = linear("qkv", input, channels, 3 * channels);
  const part = (which: number, row: number, channel: number): number => qkv[row * 3 * channels + which * channels + channel]!;
  const mixed = input.map((_, index) => {
    const [row, channel] = [Math.floor(index / channels), index % channels];
    const [at, query, head] = [Math.floor(row / tokens), row % tokens, Math.floor(channel / width)];
    const scores = Float64Array.from({ length: tokens }, (_unused, key) => {
      let score = 0;
      for (let c = head * width; c < (head + 1) * width; c++) score += part(0, row, c) * part(1, at * tokens + key, c);
      const down = Math.floor(query / columns) - Math.floor(key / columns) + window - 1;
      const right = (query % columns) - (key % columns) + window - 1;
      const bias = state.get("relativePositionBiasTable")![(down * (2 * window - 1) + right) * heads + head]!;
      return score / Math.sqrt(width) + bias + (mask?.[((at % count) * tokens + query) * tokens + key] ?? 0);
    });
    return softmax(scores, tokens).reduce((total, weight, key) => total + weight * part(2, at * tokens + key, channel), 0);
  });
  return linear("projection", mixed, channels, channels);
}

it.each([
  ["whole windows", [3, 3], false],
  ["windows smaller than the largest", [2, 3], false],
  ["windows of one token", [1, 1], false],
  ["masked windows", [3, 2], true],
] as const)("equals the loops, with all gradients: %s", (_what, sides, masked) =>
  noLeak(() => {
    const random = new Generator("window attention");
    const layer = new WindowAttention({ channels, heads, window }, random);
    const parameters = layer.parameters();
    // Initial weights are too small to tell attention from a mean.
    layer.loadStateDict(
      new Map(parameters.map(({ name, variable: { shape, size } }) => [name, { shape, data: random.uniformArray(size, -1, 1) }])),
    );
    const tokens = sides[0] * sides[1];
    const shape: [number, number, number] = [batch * count, tokens, channels];
    const input = random.uniformArray(batch * count * tokens * channels, -2, 2);
    const weights = random.uniformArray(input.length, -1, 1);
    const mask = masked ? random.uniformArray(count * tokens * tokens, -1, 0) : undefined;
    const forward = (): Tensor => layer.forward(tensor3d(input, shape), sides, mask && tensor3d(mask, [count, tokens, tokens]));

    const names = parameters.map(({ name }) => name);
    const reference = (...values: Float64Array[]): Float64Array =>
      attention(new Map(names.map((name, index) => [name, values[index]!])), Float64Array.from(input), sides, mask);
    const values = names.map((name) => layer.stateDict().get(name)!.data);
    // Sums of some tens of terms up to 10: float32's rounding stays below 150 units of its last place, as in other layers.
    tidy(() => {
      expect(forward().dataSync()).toBeAllClose(reference(...values.map((value) => Float64Array.from(value))), { absolute: 5e-5 });
    });
    const { gradients } = valueAndGradients(() => sum(mul(forward(), tensor3d(weights, shape))) as Scalar, parameters);
    const weighted = (...x: Float64Array[]): number =>
      reference(...x).reduce((total, value, index) => total + value * weights[index]!, 0);
    const slopes = centralDifferences(weighted, values);
    slopes.forEach((expected, index) => {
      const largest = Math.max(1, ...expected.map(Math.abs));
      expect(gradients[index]!, names[index]).toBeAllClose(expected, { absolute: 2e-5 * largest });
    });
    layer.dispose();
  }),
);
