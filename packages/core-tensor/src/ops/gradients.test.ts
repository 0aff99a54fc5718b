import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import * as tf from "../tensor.ts";
import type { Tensor } from "../tensor.ts";
import { expectGradients, gradientsOf, type OperationTest, testVariable } from "../testing/expect-gradients.ts";
import { sigmoid, softmax } from "../testing/reference.ts";

beforeAll(useTestBackend);

type Values = Float64Array;

const away = [-2, -1.3, -0.6, 0.4, 0.9, 1.7]; // from 0 and ±1, where some of these have kinks
const positive = [0.3, 0.7, 1, 1.4, 2, 3];
const other = [0.8, -0.4, 1.5, -1.1, 0.6, 2.2];

/** An elementwise function of `[2, 3]` values. */
function unary(operation: (x: Tensor) => Tensor, f: (x: number) => number, values: number[] = away): OperationTest {
  return { inputs: [{ shape: [2, 3], values }], operation: (x) => operation(x!), reference: (x) => x!.map(f) };
}

/** An elementwise function of two arrays: of equal shapes, and with `b` broadcast in the given shapes. */
function binary(operation: (a: Tensor, b: Tensor) => Tensor, f: (a: number, b: number) => number, shapes: number[][]): OperationTest[] {
  const indices: Record<string, (i: number) => number> = { "2,3": (i) => i, "3": (i) => i % 3, "1,3": (i) => i % 3, "2,1": (i) => Math.floor(i / 3), "": () => 0 };
  return shapes.flatMap((shape) => {
    const index = indices[shape.join()]!;
    const small = { shape, values: other.slice(0, shape.reduce((a, b) => a * b, 1)) };
    const large = { shape: [2, 3], values: away };
    return [
      { inputs: [large, small], operation: (a: Tensor, b: Tensor) => operation(a, b), reference: (a: Values, b: Values) => a.map((value, i) => f(value, b[index(i)]!)) },
      { inputs: [small, large], operation: (a: Tensor, b: Tensor) => operation(a, b), reference: (a: Values, b: Values) => b.map((value, i) => f(a[index(i)]!, value)) },
    ] as OperationTest[];
  });
}

/** Copies of input elements: `from` gives each output element's position, −1 for a zero. */
function gather(shape: number[], operation: (x: Tensor) => Tensor, from: number[]): OperationTest {
  return { inputs: [{ shape }], operation: (x) => operation(x!), reference: (x) => from.map((index) => (index < 0 ? 0 : x![index]!)) };
}

const broadcasts = [[2, 3], [3], [1, 3], [2, 1], []];
const one = (shape: number[], operation: (x: Tensor) => Tensor, reference: (x: Values) => ArrayLike<number>): OperationTest => ({
  inputs: [{ shape }],
  operation: (x) => operation(x!),
  reference: (x) => reference(x!),
});

const tests: Record<string, OperationTest[]> = {
  abs: [unary(tf.abs, Math.abs)],
  exp: [unary(tf.exp, Math.exp)],
  log: [unary(tf.log, Math.log, positive)],
  neg: [unary(tf.neg, (x) => -x)],
  sigmoid: [unary(tf.sigmoid, sigmoid)],
  sqrt: [unary(tf.sqrt, Math.sqrt, positive)],
  square: [unary(tf.square, (x) => x * x)],
  clipByValue: [unary((x) => tf.clipByValue(x, -1, 1.5), (x) => Math.min(Math.max(x, -1), 1.5))],
  cast: [unary((x) => tf.cast(x, "float32"), (x) => x), unary((x) => tf.mul(x, tf.cast(tf.cast(x, "int32"), "float32")), (x) => x * Math.trunc(x), other)],
  greater: [unary((x) => tf.mul(x, tf.cast(tf.greater(x, 0.5), "float32")), (x) => (x > 0.5 ? x : 0))],
  logicalAnd: [unary((x) => tf.where(tf.logicalAnd(tf.greater(x, -1), tf.greater(1, x)), tf.square(x), x), (x) => (x > -1 && x < 1 ? x * x : x))],
  zerosLike: [unary((x) => tf.add(x, tf.zerosLike(tf.square(x))), (x) => x)],
  onesLike: [unary((x) => tf.add(x, tf.onesLike(tf.square(x))), (x) => x + 1)],

  add: binary(tf.add, (a, b) => a + b, broadcasts),
  sub: binary(tf.sub, (a, b) => a - b, broadcasts),
  mul: binary(tf.mul, (a, b) => a * b, broadcasts),
  div: binary(tf.div, (a, b) => a / b, broadcasts),
  maximum: binary(tf.maximum, Math.max, [[2, 3], []]),
  minimum: binary(tf.minimum, Math.min, [[2, 3], []]),
  where: [
    {
      inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
      operation: (a, b) => tf.where(tf.tensor([1, 0, 0, 1, 1, 0], [2, 3], "bool"), a!, b!),
      reference: (a, b) => [a![0]!, b![1]!, b![2]!, a![3]!, a![4]!, b![5]!],
    },
    {
      inputs: [{ shape: [2, 3] }, { shape: [] }],
      operation: (a, b) => tf.where(tf.tensor([1, 0, 0], [3], "bool"), a!, b!),
      reference: (a, b) => [a![0]!, b![0]!, b![0]!, a![3]!, b![0]!, b![0]!],
    },
  ],
  addN: [
    {
      inputs: [{ shape: [2, 2] }, { shape: [2, 2] }, { shape: [2, 2] }],
      operation: (...all) => tf.addN(all),
      reference: (a, b, c) => a!.map((value, i) => value + b![i]! + c![i]!),
    },
  ],
  softmax: [one([2, 3], (x) => tf.softmax(x), (x) => softmax(x, 3)), one([2, 1, 4], (x) => tf.softmax(x), (x) => softmax(x, 4))],

  sum: [
    one([2, 3], (x) => tf.sum(x), (x) => [x.reduce((a, b) => a + b)]),
    one([2, 3], (x) => tf.sum(x, 0), (x) => [0, 1, 2].map((i) => x[i]! + x[i + 3]!)),
    one([2, 3], (x) => tf.sum(x, -1, true), (x) => [0, 3].map((i) => x[i]! + x[i + 1]! + x[i + 2]!)),
    one([2, 2, 2], (x) => tf.sum(x, [0, 2]), (x) => [0, 2].map((i) => x[i]! + x[i + 1]! + x[i + 4]! + x[i + 5]!)),
  ],
  mean: [
    one([2, 3], (x) => tf.mean(x), (x) => [x.reduce((a, b) => a + b) / 6]),
    one([2, 3], (x) => tf.mean(x, 1), (x) => [0, 3].map((i) => (x[i]! + x[i + 1]! + x[i + 2]!) / 3)),
    one([2, 2, 2], (x) => tf.mean(x, [1, 2], true), (x) => [0, 4].map((i) => (x[i]! + x[i + 1]! + x[i + 2]! + x[i + 3]!) / 4)),
  ],

  reshape: [gather([2, 3], (x) => tf.reshape(x, [3, -1]), [0, 1, 2, 3, 4, 5])],
  expandDims: [gather([2, 3], (x) => tf.expandDims(x, 1), [0, 1, 2, 3, 4, 5])],
  transpose: [gather([2, 3], (x) => tf.transpose(x), [0, 3, 1, 4, 2, 5]), gather([2, 1, 2, 2], (x) => tf.transpose(x, [3, 0, 2, 1]), [0, 2, 4, 6, 1, 3, 5, 7])],
  reverse: [gather([2, 3], (x) => tf.reverse(x, 1), [2, 1, 0, 5, 4, 3]), gather([2, 3], (x) => tf.reverse(x, [0, 1]), [5, 4, 3, 2, 1, 0])],
  slice: [gather([2, 3], (x) => tf.slice(x, [0, 1], [2, 2]), [1, 2, 4, 5]), gather([3, 2], (x) => tf.slice(x, 1), [2, 3, 4, 5]), gather([6], (x) => tf.slice(x, 2, 3), [2, 3, 4])],
  pad: [gather([2, 2], (x) => tf.pad(x, [[1, 0], [0, 2]]), [-1, -1, -1, -1, 0, 1, -1, -1, 2, 3, -1, -1])],
  tile: [gather([1, 2], (x) => tf.tile(x, [2, 2]), [0, 1, 0, 1, 0, 1, 0, 1]), gather([2, 1, 2], (x) => tf.tile(x, [1, 3, 1]), [0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3])],
  concat: [
    {
      inputs: [{ shape: [2, 2] }, { shape: [2, 1] }],
      operation: (a, b) => tf.concat([a!, b!], 1),
      reference: (a, b) => [a![0]!, a![1]!, b![0]!, a![2]!, a![3]!, b![1]!],
    },
    { inputs: [{ shape: [1, 2] }, { shape: [2, 2] }], operation: (a, b) => tf.concat([a!, b!, a!]), reference: (a, b) => [...a!, ...b!, ...a!] },
    { inputs: [{ shape: [2, 2] }, { shape: [2, 1] }], operation: (a, b) => tf.concat([a!, b!], -1), reference: (a, b) => [a![0]!, a![1]!, b![0]!, a![2]!, a![3]!, b![1]!] },
  ],
  stack: [
    { inputs: [{ shape: [2] }, { shape: [2] }], operation: (a, b) => tf.stack([a!, b!], 1), reference: (a, b) => [a![0]!, b![0]!, a![1]!, b![1]!] },
    { inputs: [{ shape: [2] }], operation: (a) => tf.stack([a!]), reference: (a) => a! },
  ],
  unstack: [
    one([2, 2], (x) => tf.mul(...(tf.unstack(x, 1) as [Tensor, Tensor])), (x) => [x[0]! * x[1]!, x[2]! * x[3]!]),
    one([2, 2], (x) => tf.unstack(x)[1]!, (x) => [x[2]!, x[3]!]), // the other part is not used
    gather([1, 3], (x) => tf.unstack(x)[0]!, [0, 1, 2]), // one part alone
  ],
  split: [
    one([2, 3], (x) => tf.mul(...(tf.split(x, [1, 2], 1) as [Tensor, Tensor])), (x) => [x[0]! * x[1]!, x[0]! * x[2]!, x[3]! * x[4]!, x[3]! * x[5]!]),
    one([4], (x) => tf.split(x, 2)[1]!, (x) => [x[2]!, x[3]!]),
    gather([3], (x) => tf.split(x, 1)[0]!, [0, 1, 2]),
  ],
};

describe("plain operations have the reference's values and gradients", () => {
  it.each(Object.keys(tests))("%s", async (name) => {
    for (const test of tests[name]!) await expectGradients(test);
  });
});

const withoutGradient: Record<string, (x: Tensor) => Tensor> = {
  max: (x) => tf.max(x, 1),
  min: (x) => tf.min(x, 1),
  pow: (x) => tf.pow(x, 2),
  argMax: (x) => tf.cast(tf.argMax(x, 1), "float32"),
};

describe("operations without a gradient fail when they are differentiated", () => {
  it.each(Object.keys(withoutGradient))("%s", (name) => {
    const input = testVariable(away, [2, 3]);
    expect(() => gradientsOf(() => tf.sum(withoutGradient[name]!(input)), [input])).toThrow("gradient function not found");
    input.dispose();
  });

  it("maximum and minimum of shapes that are broadcast", () => {
    const input = testVariable(away, [2, 3]);
    const row = tf.tensor1d([1, 2, 3]);
    expect(() => gradientsOf(() => tf.sum(tf.maximum(input, row)), [input])).toThrow("only equal shapes or a scalar");
    expect(() => gradientsOf(() => tf.sum(tf.minimum(input, row)), [input])).toThrow("only equal shapes or a scalar");
    tf.dispose([input, row]);
  });
});

it("every exported operation is tested here, or has no inputs to differentiate", () => {
  const creation = ["ones", "zeros", "scalar", "tensor", "tensor1d", "tensor2d", "tensor3d", "tensor4d", "variable", "Variable"];
  const memory = ["dispose", "keep", "memory", "tidy"];
  const known = [...Object.keys(tests), ...Object.keys(withoutGradient), ...creation, ...memory];
  expect(Object.keys(tf).sort()).toEqual(known.sort());
});

it("where operands of maximum and minimum are equal, the gradient goes to the first", () => {
  const a = testVariable([1, 2]);
  const b = testVariable([1, 2]);
  for (const operation of [tf.maximum, tf.minimum]) {
    expect(gradientsOf(() => tf.sum(operation(a as Tensor, b as Tensor)), [a, b]).map((gradient) => [...gradient])).toEqual([[1, 1], [0, 0]]);
  }
  tf.dispose([a, b]);
});
