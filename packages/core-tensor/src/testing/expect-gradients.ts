import { add, addN, dispose, mul, type Scalar, sum, type Tensor, tensor, tidy, variable, type Variable } from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { noLeak } from "../../../../test/backend.ts";
import { valueAndGradients } from "../optimizers/gradients.ts";
import { Generator } from "../random.ts";

/** An input of an operation under test: uniform in [−1, 1) unless values are given. */
export interface TestInput {
  readonly shape: readonly number[];
  readonly values?: ArrayLike<number>;
}

export interface OperationTest {
  readonly inputs: readonly TestInput[];
  /** The operation under test. */
  operation(...inputs: Tensor[]): Tensor;
  /** The same in plain float64 loops. */
  reference(...inputs: Float64Array[]): ArrayLike<number>;
  /**
   * Largest error relative to the largest value. The default is about 150 units of float32's last place (1.2e-7): sums of
   * up to a few hundred terms in unknown order. The error of the central differences, about 1e-9, is far below.
   */
  readonly tolerance?: number;
}

/**
 * Checks an operation's values, the gradient with respect to every input, each input alone (the others frozen), all inputs
 * in a sum with themselves (as in a residual connection), and that no tensor is left behind.
 *
 * The gradients are those of sum(output · random weights); expected are central differences of the float64 reference.
 */
export async function expectGradients({ inputs, operation, reference, tolerance = 2e-5 }: OperationTest): Promise<void> {
  await noLeak(() => {
    const generator = new Generator(inputs.map(({ shape }) => shape.join("x")).join(","));
    const values = inputs.map(({ shape, values: given }) => Float32Array.from(given ?? generator.uniformArray(sizeOf(shape), -1, 1)));
    const variables = inputs.map(({ shape }, index) => testVariable(values[index]!, shape));
    const expected = Float64Array.from(reference(...values.map((value) => Float64Array.from(value))));

    const weightValues = generator.uniformArray(expected.length, -1, 1);
    const weights = tidy(() => {
      const output = operation(...variables);
      expectClose(output.dataSync(), expected, tolerance, "value");
      return tensor(weightValues, output.shape);
    });

    const slopes = centralDifferences((...x) => dot(reference(...x), weightValues), values);
    const loss = (): Scalar => sum(mul(operation(...variables), weights));
    gradientsOf(loss, variables).forEach((gradient, index) => {
      expectClose(gradient, slopes[index]!, tolerance, `gradient of input ${index}`);
    });
    variables.forEach((alone, index) => {
      expectClose(gradientsOf(loss, [alone])[0]!, slopes[index]!, tolerance, `gradient of input ${index} alone`);
    });
    const residual = (): Scalar => {
      const used = variables.map((input) => mul(input, 1) as Tensor);
      return add(sum(mul(operation(...used), weights)), addN(used.map((input) => sum(input) as Tensor))) as Scalar;
    };
    gradientsOf(residual, variables).forEach((gradient, index) => {
      expectClose(gradient, slopes[index]!.map((slope) => slope + 1), tolerance, `gradient of input ${index}, used twice`);
    });
    dispose([...variables, weights]);
  });
}

/** Derivatives of `f` with respect to every element of every input, with an error of about 1e-10. */
export function centralDifferences(f: (...inputs: Float64Array[]) => number, values: readonly ArrayLike<number>[]): Float64Array[] {
  const inputs = values.map((value) => Float64Array.from(value));
  const step = 1e-5;
  return inputs.map((input) =>
    input.map((_, i) => {
      const center = input[i]!;
      input[i] = center + step;
      const above = f(...inputs);
      input[i] = center - step;
      const below = f(...inputs);
      input[i] = center;
      return (above - below) / (2 * step);
    }),
  );
}

/** A variable; unlike `variable(tensor(…))`, it leaves no tensor behind. */
export function testVariable(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Variable {
  return tidy(() => variable(tensor(Float32Array.from(values), [...shape])));
}

export function gradientsOf(loss: () => Scalar, variables: readonly Variable[]): Float32Array[] {
  return valueAndGradients(
    loss,
    variables.map((entry) => ({ name: entry.name, variable: entry, layout: "plain" })),
  ).gradients;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function expectClose(received: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  expect(received, what).toBeAllClose(expected, { absolute: tolerance * largest });
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < b.length; i++) total += a[i]! * b[i]!;
  return total;
}
