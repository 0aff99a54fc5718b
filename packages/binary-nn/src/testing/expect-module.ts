import { assignHost, dispose, Generator, type Module, mul, sum, type Tensor, tensor, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { expect } from "vitest";
import { noLeak } from "../../../../test/backend.ts";
import { sizeOf, testVariable } from "../../../core-tensor/src/testing/expect-gradients.ts";
import type { Precision, TimeConditioning } from "../time-shift.ts";
import { ReferenceLayers, StraightThrough } from "./reference.ts";

export interface ModuleTest {
  readonly module: Module;
  readonly precision: Precision;
  readonly training?: boolean;
  /** Inputs `[batch, …, channels]`, uniform in [−1.5, 1.5) or ±1. */
  readonly inputs: readonly { readonly shape: readonly number[]; readonly signs?: boolean }[];
  forward(inputs: readonly Tensor[], time: TimeConditioning): Tensor;
  reference(layers: ReferenceLayers, inputs: readonly Float64Array[]): Float64Array;
}

export const embeddingChannels = 3;

/**
 * Largest error relative to the sum of magnitudes: some thousand units of float32's last place (6e-8), since batch
 * normalization divides by deviations down to √epsilon.
 */
const tolerance = 2e-4;

/**
 * Checks a module with random parameters against the float64 loops: its values, and the gradient with respect to every
 * parameter, every input and the embedding, each by its slope along a random direction; and that no tensor is left behind.
 */
export async function expectModule({ module, precision, training = false, inputs, forward, reference }: ModuleTest): Promise<void> {
  const generator = new Generator(`${precision} ${inputs.map(({ shape }) => shape.join("x")).join(",")}`);
  randomize(module, generator);
  const batch = inputs[0]!.shape[0]!;
  const variables = [
    ...inputs.map(({ shape, signs }) => {
      const values = generator.uniformArray(sizeOf(shape), -1.5, 1.5);
      return testVariable(signs ? values.map((value) => (value > 0 ? 1 : -1)) : values, shape);
    }),
    testVariable(generator.uniformArray(batch * embeddingChannels, -1, 1), [batch, embeddingChannels]),
  ];
  const parameters = [...module.parameters(), ...variables.map((variable, index) => ({ name: `input ${index}`, variable, layout: "plain" as const }))];
  const buffers = module.buffers().map(({ name, variable }) => [name, Float64Array.from(variable.dataSync())] as const);
  const values = parameters.map(({ variable }) => Float64Array.from(variable.dataSync()));

  const straightThrough = new StraightThrough();
  const evaluate = (changed: readonly Float64Array[]): Float64Array => {
    straightThrough.rewind();
    const state = new Map([...parameters.map(({ name }, index) => [name, changed[index]!] as const), ...buffers]);
    const given = changed.slice(-variables.length);
    return reference(new ReferenceLayers(state, { precision, training, batch }, given.at(-1)!, straightThrough), given.slice(0, -1));
  };
  const run = (): Tensor => forward(variables.slice(0, -1), { activatedEmbedding: variables.at(-1)! });

  const expected = evaluate(values);
  const weights = generator.uniformArray(expected.length, -1, 1);
  await noLeak(() => {
    tidy(() => {
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      expect(run().dataSync()).toBeAllClose(expected, { absolute: 0.1 * tolerance * largest });
    });
    const { gradients } = valueAndGradients(() => {
      const output = run();
      return sum(mul(output, tensor(weights, output.shape)));
    }, parameters);
    gradients.forEach((gradient, index) => {
      const direction = generator.uniformArray(gradient.length, -1, 1);
      const along = (step: number): number => dot(evaluate(values.with(index, values[index]!.map((value, i) => value + step * direction[i]!))), weights);
      const slope = (along(1e-6) - along(-1e-6)) / 2e-6;
      const magnitude = dot(gradient.map(Math.abs), direction.map(Math.abs));
      const error = Math.abs(dot(gradient, direction) - slope);
      expect(error, `slope of ${parameters[index]!.name} along a direction: ${dot(gradient, direction)}, expected ${slope}`).toBeLessThan(tolerance * (1 + magnitude));
    });
  });
  dispose(variables);
}

/** Gives every parameter and buffer random values: weights beyond ±1 as well, slopes below 0, variances above 0. */
export function randomize(module: Module, generator: Generator): void {
  for (const { name, variable } of [...module.parameters(), ...module.buffers()]) {
    const [low, high] = name.endsWith("runningVariance") ? [0.5, 2] : variable.rank > 1 ? [-1.4, 1.4] : [-0.8, 0.8];
    assignHost(variable, { shape: variable.shape, data: generator.uniformArray(variable.size, low, high) });
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < b.length; i++) total += a[i]! * b[i]!;
  return total;
}
