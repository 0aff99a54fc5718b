import { Generator, mul, type Scalar, sum, type Tensor, tensor, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { BinaryCrossTransformerBlock } from "./binary-cross-transformer-block.ts";
import { embeddingChannels, expectModule, randomize } from "./testing/expect-module.ts";
import { computeTimeShifts, type TimeConditioning, timeShiftsOf } from "./time-shift.ts";

beforeAll(useTestBackend);

const batch = 2;
const channels = 8;
const size = [2, 3] as const;
const shape = [batch, 6, channels];
const options = { channels, heads: 2, embeddingChannels } as const;

function inputs(generator: Generator): { query: Float32Array; condition: Float32Array; residual: Float32Array; embedding: Float32Array } {
  const tokens = (): Float32Array => generator.uniformArray(batch * 6 * channels, -1.5, 1.5);
  return { query: tokens(), condition: tokens(), residual: tokens(), embedding: generator.uniformArray(batch * embeddingChannels, -1, 1) };
}

function run(block: BinaryCrossTransformerBlock, given: ReturnType<typeof inputs>, training: boolean, shared: boolean = false): Tensor {
  const [query, condition, residual] = [given.query, given.condition, given.residual].map((values) => tensor(values, shape)) as [Tensor, Tensor, Tensor];
  const activatedEmbedding = tensor(given.embedding, [batch, embeddingChannels]);
  const time: TimeConditioning = shared ? { activatedEmbedding, shifts: computeTimeShifts(timeShiftsOf(block), activatedEmbedding) } : { activatedEmbedding };
  return block.forward({ query, condition, residual, time, size }, { training });
}

describe.each(["binary", "real"] as const)("BinaryCrossTransformerBlock, %s", (precision) => {
  it.each([
    { size: [2, 3], heads: 2, training: true },
    { size: [3, 2], heads: 4, training: false },
    { size: [5, 1], heads: 1, training: true },
    { size: [1, 1], heads: 8, training: false },
  ] as const)("equals the loops, with all gradients: grid $size, $heads heads, training $training", async ({ size: grid, heads, training }) => {
    const module = new BinaryCrossTransformerBlock({ ...options, heads, precision }, new Generator(0));
    const tokens = { shape: [batch, grid[0] * grid[1], channels] };
    await expectModule({
      module,
      precision,
      training,
      inputs: [tokens, tokens, tokens],
      forward: ([query, condition, residual], time) =>
        module.forward({ query: query!, condition: condition!, residual: residual!, time, size: grid }, { training }),
      reference: (layers, [query, condition, residual]) => layers.crossTransformerBlock(query!, condition!, residual!, heads, grid),
    });
    module.dispose();
  });

  // Every branch ends in a layer scale, and those start at zero.
  it.each([true, false])("returns its residual at first (training %s)", async (training) => {
    await noLeak(() => {
      const block = new BinaryCrossTransformerBlock({ ...options, precision }, new Generator("fresh"));
      const given = inputs(new Generator("inputs"));
      tidy(() => {
        const output = run(block, given, training);
        expect(output.shape).toEqual(shape);
        expect(output.dataSync()).toBeAllClose(given.residual, {});
      });
      block.dispose();
    });
  });

  it("moves its running statistics in training alone", () => {
    const generator = new Generator("modes");
    const block = new BinaryCrossTransformerBlock({ ...options, precision }, generator);
    randomize(block, generator);
    const given = inputs(generator);
    const before = block.stateDict();
    tidy(() => void run(block, given, false));
    expect(block.stateDict()).toEqual(before);
    tidy(() => void run(block, given, true));
    const buffers = new Set(block.buffers().map(({ name }) => name));
    for (const [name, { data }] of block.stateDict()) {
      if (buffers.has(name)) expect(data, name).not.toEqual(before.get(name)!.data);
      else expect(data, name).toEqual(before.get(name)!.data);
    }
    block.dispose();
  });

  it("treats the items of a batch apart in evaluation, and not in training", () => {
    const generator = new Generator("items");
    const block = new BinaryCrossTransformerBlock({ ...options, precision }, generator);
    randomize(block, generator);
    const given = inputs(generator);
    const changed = Object.fromEntries(
      Object.entries(given).map(([name, values]) => [name, values.map((value, index) => (index < values.length / batch ? value : -value / 2))]),
    ) as ReturnType<typeof inputs>;
    const firstItem = (which: ReturnType<typeof inputs>, training: boolean): Float32Array =>
      tidy(() => run(block, which, training).dataSync().slice(0, 6 * channels) as Float32Array);
    expect(firstItem(changed, false)).toBeAllClose(firstItem(given, false), { absolute: 1e-5 });
    expect(firstItem(changed, true)).not.toBeAllClose(firstItem(given, true), { absolute: 1e-2 });
    block.dispose();
  });

  it("gives the same with all time shifts computed at once, values and gradients", async () => {
    await noLeak(() => {
      const generator = new Generator("shifts");
      const block = new BinaryCrossTransformerBlock({ ...options, precision }, generator);
      randomize(block, generator);
      const given = inputs(generator);
      const weights = generator.uniformArray(given.query.length, -1, 1);
      const evaluate = (shared: boolean): { value: number; gradients: Float32Array[] } =>
        valueAndGradients(() => sum(mul(run(block, given, false, shared), tensor(weights, shape))) as Scalar, block.parameters());
      const [own, shared] = [evaluate(false), evaluate(true)];
      expect(shared.value).toBeCloseTo(own.value, 3);
      own.gradients.forEach((gradient, index) => {
        expect(shared.gradients[index]!, block.parameters()[index]!.name).toBeAllClose(gradient, { absolute: 1e-4, relative: 1e-4 });
      });
      block.dispose();
    });
  });
});

it("refuses heads that do not divide the channels", () => {
  const attempt = (): unknown => new BinaryCrossTransformerBlock({ channels: 6, heads: 4, embeddingChannels, precision: "binary" }, new Generator(0));
  expect(attempt).toThrow(expect.objectContaining({ code: "attention.heads", message: expect.stringContaining("6 channels cannot be divided among 4 heads") }));
});
