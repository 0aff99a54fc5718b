import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { BatchNorm } from "../layers/batch-norm.ts";
import { Conv2d, ConvTranspose2x2 } from "../layers/conv2d.ts";
import { Linear } from "../layers/linear.ts";
import type { HostTensor, Module } from "../modules/module.ts";
import { Generator } from "../random.ts";
import { fromPyTorchLayout, pytorchShape, stateFromPyTorch, toPyTorchLayout } from "./pytorch-layout.ts";

beforeAll(useTestBackend);

const generator = new Generator(0);

/** An array whose elements are their own index in decimal digits, by axis. */
function indices(...shape: number[]): HostTensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, position) => {
    let [value, rest] = [0, position];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      value += (rest % shape[axis]!) * 10 ** (shape.length - 1 - axis);
      rest = Math.floor(rest / shape[axis]!);
    }
    return value;
  });
  return { shape, data };
}

/** Reads element `index` of a row-major array. */
function at({ shape, data }: HostTensor, ...index: number[]): number {
  return data[index.reduce((position, i, axis) => position * shape[axis]! + i, 0)]!;
}

function convert(module: Module, arrays: Record<string, HostTensor>): ReadonlyMap<string, HostTensor> {
  const state = stateFromPyTorch(module, (name) => arrays[name]);
  module.loadStateDict(state); // shapes are checked here
  module.dispose();
  return state;
}

describe("stateFromPyTorch", () => {
  it("moves a convolution's axes: [out, in, kh, kw] → [kh, kw, in, out]", () => {
    const module = new Conv2d({ inChannels: 4, outChannels: 5, kernelSize: 3 }, generator);
    const weight = convert(module, { weight: indices(5, 4, 3, 3), bias: indices(5) }).get("weight")!;
    expect(weight.shape).toEqual([3, 3, 4, 5]);
    expect(at(weight, 2, 1, 3, 4)).toBe(4321);
    expect(at(weight, 0, 2, 1, 3)).toBe(3102);
  });

  it("moves a transposed convolution's axes: [in, out, kh, kw] → [in, kh, kw, out]", () => {
    const module = new ConvTranspose2x2({ inChannels: 4, outChannels: 5 }, generator);
    const weight = convert(module, { weight: indices(4, 5, 2, 2), bias: indices(5) }).get("weight")!;
    expect(weight.shape).toEqual([4, 2, 2, 5]);
    expect(at(weight, 3, 1, 0, 4)).toBe(3410);
  });

  it("transposes a linear map and leaves the rest alone", () => {
    const linear = convert(new Linear({ inFeatures: 3, outFeatures: 2 }, generator), { weight: indices(2, 3), bias: indices(2) });
    expect(at(linear.get("weight")!, 2, 1)).toBe(12);
    const norm = { weight: indices(3), bias: indices(3), runningMean: indices(3), runningVariance: indices(3) };
    expect(Object.fromEntries(convert(new BatchNorm(3), norm))).toEqual(norm);
  });

  it("names what is missing", () => {
    const module = new BatchNorm(3);
    expect(() => stateFromPyTorch(module, () => undefined)).toThrow("no array for weight");
    module.dispose();
  });
});

it("pytorchShape is the shape that stateFromPyTorch takes", () => {
  expect(pytorchShape([3, 3, 4, 5], "convolution")).toEqual([5, 4, 3, 3]);
  expect(pytorchShape([4, 2, 2, 5], "transposedConvolution")).toEqual([4, 5, 2, 2]);
  expect(pytorchShape([3, 2], "linear")).toEqual([2, 3]);
  expect(pytorchShape([7], "plain")).toEqual([7]);
});

describe("toPyTorchLayout", () => {
  it.each([
    ["convolution", [3, 2, 4, 5]],
    ["linear", [3, 2]],
    ["transposedConvolution", [4, 2, 3, 5]],
    ["plain", [3, 2]],
  ] as const)("is the inverse of reading a %s", (layout, shape) => {
    const own = indices(...shape);
    const written = toPyTorchLayout(own, layout);
    expect(written.shape).toEqual(pytorchShape(shape, layout));
    expect(fromPyTorchLayout(written, layout)).toEqual(own);
  });
});
