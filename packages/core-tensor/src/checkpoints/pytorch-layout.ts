import { HidiffError } from "../errors.ts";
import type { HostTensor, Module, ParameterLayout, StateDict } from "../modules/module.ts";

/** Output axis i of our layout is PyTorch's axis `order[i]`. */
const axisOrder: Readonly<Record<ParameterLayout, readonly number[] | undefined>> = {
  convolution: [2, 3, 1, 0],
  linear: [1, 0],
  transposedConvolution: [0, 2, 3, 1],
  plain: undefined,
};

/** The shape that an array of ours has in PyTorch's layout. */
export function pytorchShape(shape: readonly number[], layout: ParameterLayout): readonly number[] {
  const order = axisOrder[layout];
  if (order === undefined) return shape;
  const result = new Array<number>(shape.length);
  order.forEach((axis, own) => (result[axis] = shape[own]!));
  return result;
}

/**
 * A module's state from arrays in PyTorch's layout.
 *
 * @param find gives the array for one of the module's own state names, or undefined
 * @throws HidiffError `state.mismatch` if one is missing
 */
export function stateFromPyTorch(module: Module, find: (name: string) => HostTensor | undefined): StateDict {
  const layouts = new Map(module.parameters().map(({ name, layout }) => [name, layout]));
  const names = [...layouts.keys(), ...module.buffers().map(({ name }) => name)];
  return new Map(
    names.map((name) => {
      const found = find(name);
      if (found === undefined) {
        throw new HidiffError("state.mismatch", `The PyTorch state has no array for ${name}; it is of another architecture.`);
      }
      return [name, fromPyTorchLayout(found, layouts.get(name) ?? "plain")];
    }),
  );
}

/** An array in PyTorch's layout, in ours. It may share memory with the given one. */
export function fromPyTorchLayout(value: HostTensor, layout: ParameterLayout): HostTensor {
  const order = axisOrder[layout];
  return order === undefined ? value : permute(value, order);
}

/** An array in our layout, in PyTorch's: the inverse of {@link fromPyTorchLayout}. */
export function toPyTorchLayout(value: HostTensor, layout: ParameterLayout): HostTensor {
  const order = axisOrder[layout];
  return order === undefined ? value : permute(value, order.map((_, axis) => order.indexOf(axis)));
}

function permute({ shape, data }: HostTensor, order: readonly number[]): HostTensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const target = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = new Float32Array(data.length);
  const index = target.map(() => 0);
  let source = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = data[source]!;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      source += steps[axis]!;
      if (++index[axis]! < target[axis]!) break;
      source -= steps[axis]! * target[axis]!;
      index[axis] = 0;
    }
  }
  return { shape: target, data: result };
}
