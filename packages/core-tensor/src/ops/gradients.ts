import {
  cast,
  concat,
  div,
  engine,
  getGradient,
  getKernelsForBackend,
  greater,
  greaterEqual,
  lessEqual,
  logicalAnd,
  mul,
  neg,
  ones,
  pad,
  registerGradient,
  reshape,
  reverse,
  slice,
  split,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  tile,
  transpose,
  unregisterGradient,
  unstack,
  util,
  where,
  zeros,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { sumRows } from "./matmul.ts";
import { isNative, ownGradients } from "./operation.ts";

type Attributes = Readonly<Record<string, unknown>>;
type GradientFunction = (gradient: Tensor, saved: Tensor[], attributes: Attributes) => Record<string, () => Tensor>;

interface GradientOptions {
  readonly inputs?: string[];
  readonly output?: boolean;
  readonly allInputs?: boolean;
}

/**
 * Registers the gradients of exactly those plain operations that `tensor.ts` exports and that are differentiable.
 *
 * TensorFlow.js keeps its own gradients out of its Node build, and some of them are wrong. Here, an operation that is not
 * on this list fails when it is differentiated, instead of being silently wrong. Must run after a backend was loaded,
 * since the native one brings TensorFlow.js's gradients along, which are removed.
 */
export function registerGradients(): void {
  const defined = new Set<string>();
  const define = (kernelName: string, options: GradientOptions, gradient: GradientFunction): void => {
    defined.add(kernelName);
    registerGradient({
      kernelName,
      inputsToSave: options.inputs ?? [],
      outputsToSave: [options.output ?? false],
      saveAllInputs: options.allInputs ?? false,
      gradFunc: (dy, saved, attributes) => ownGradients(dy, gradient(dy as Tensor, saved, attributes as unknown as Attributes)),
    } as Parameters<typeof registerGradient>[0]);
  };
  const both = { inputs: ["a", "b"] };

  define("Add", both, (dy, [a, b]) => ({ a: () => sumTo(dy, a!), b: () => sumTo(dy, b!) }));
  define("Sub", both, (dy, [a, b]) => ({ a: () => sumTo(dy, a!), b: () => neg(sumTo(dy, b!)) }));
  define("Multiply", both, (dy, [a, b]) => ({ a: () => sumTo(mul(dy, b!), a!), b: () => sumTo(mul(dy, a!), b!) }));
  define("RealDiv", both, (dy, [a, b]) => ({
    a: () => sumTo(div(dy, b!), a!),
    b: () => neg(sumTo(div(mul(dy, a!), square(b!)), b!)),
  }));
  define("AddN", { allInputs: true }, (dy, saved) => Object.fromEntries(saved.map((_, index) => [index, () => dy])));

  define("Abs", { inputs: ["x"] }, (dy, [x]) => ({ x: () => mul(dy, sub(step(x!), step(neg(x!)))) }));
  define("Exp", { output: true }, (dy, [y]) => ({ x: () => mul(dy, y!) }));
  define("Log", { inputs: ["x"] }, (dy, [x]) => ({ x: () => div(dy, x!) }));
  define("Neg", {}, (dy) => ({ x: () => neg(dy) }));
  define("Sigmoid", { output: true }, (dy, [y]) => ({ x: () => mul(dy, mul(y!, sub(1, y!))) }));
  define("Sqrt", { output: true }, (dy, [y]) => ({ x: () => div(dy, mul(2, y!)) }));
  define("Rsqrt", { inputs: ["x"], output: true }, (dy, [x, y]) => ({ x: () => mul(dy, div(mul(-0.5, y!), x!)) }));
  define("Square", { inputs: ["x"] }, (dy, [x]) => ({ x: () => mul(dy, mul(2, x!)) }));
  define("Relu", { inputs: ["x"] }, (dy, [x]) => ({ x: () => mul(dy, step(x!)) }));
  define("Softmax", { output: true }, (dy, [y], { dim }) => ({
    logits: () => {
      const product = mul(dy, y!);
      return sub(product, mul(y!, sum(product, dim as number, true)));
    },
  }));
  define("ClipByValue", { inputs: ["x"] }, (dy, [x], { clipValueMin, clipValueMax }) => ({
    x: () => where(logicalAnd(greaterEqual(x!, clipValueMin as number), lessEqual(x!, clipValueMax as number)), dy, zerosLike(dy)),
  }));
  // Where the operands are equal, the gradient goes to the first alone.
  define("Maximum", both, (dy, [a, b]) => selected("maximum", dy, a!, b!, greaterEqual(a!, b!)));
  define("Minimum", both, (dy, [a, b]) => selected("minimum", dy, a!, b!, lessEqual(a!, b!)));
  define("Select", { inputs: ["condition"] }, (dy, [condition]) => ({
    condition: () => zeros(condition!.shape),
    t: () => mul(dy, cast(condition!, dy.dtype)),
    e: () => mul(dy, sub(1, cast(condition!, dy.dtype))),
  }));

  // Piecewise constant: the gradient is zero.
  const noGradient: GradientFunction = (_dy, [a, b]) => ({ a: () => zeros(a!.shape), b: () => zeros(b!.shape) });
  define("Greater", both, noGradient);
  define("LogicalAnd", both, noGradient);
  define("Cast", {}, (dy, _saved, { dtype }) => ({ x: () => (dtype === "float32" ? dy : zerosLike(dy)) }));

  define("Identity", {}, (dy) => ({ x: () => cast(dy, "float32") }));
  define("ZerosLike", {}, (dy) => ({ x: () => zerosLike(dy) }));
  define("OnesLike", {}, (dy) => ({ x: () => zerosLike(dy) }));

  define("Sum", { inputs: ["x"] }, (dy, [x], { axis }) => ({ x: () => spread(dy, x!, axis) }));
  define("Mean", { inputs: ["x"] }, (dy, [x], { axis }) => ({ x: () => div(spread(dy, x!, axis), x!.size / dy.size) }));

  define("Reshape", { inputs: ["x"] }, (dy, [x]) => ({ x: () => reshape(dy, x!.shape) }));
  define("ExpandDims", { inputs: ["input"] }, (dy, [input]) => ({ input: () => reshape(dy, input!.shape) }));
  define("Transpose", {}, (dy, _saved, { perm }) => ({ x: () => transpose(dy, inverse(perm as number[])) }));
  define("Reverse", {}, (dy, _saved, { dims }) => ({ x: () => reverse(dy, dims as number[]) }));
  define("Concat", { allInputs: true }, (dy, saved, { axis }) => {
    const along = util.parseAxisParam(axis as number, saved[0]!.shape)[0]!;
    const parts = split(dy, saved.map((tensor) => tensor.shape[along]!), along);
    return Object.fromEntries(parts.map((part, index) => [index, () => part]));
  });
  define("SplitV", {}, (dy, _saved, { axis }) => ({ x: () => concat(list(dy), axis as number) }));
  define("Pack", { allInputs: true }, (dy, _saved, { axis }) =>
    Object.fromEntries(unstack(dy, axis as number).map((part, index) => [index, () => part])),
  );
  define("Unpack", {}, (dy, _saved, { axis }) => ({ value: () => stack(list(dy), axis as number) }));
  define("Slice", { inputs: ["x"] }, (dy, [x], { begin }) => {
    const given = [begin].flat() as number[]; // a number means the first axis
    const starts = x!.shape.map((_, axis) => given[axis] ?? 0);
    return { x: () => pad(dy, starts.map((start, axis) => [start, x!.shape[axis]! - start - dy.shape[axis]!])) };
  });
  define("PadV2", { inputs: ["x"] }, (dy, [x], { paddings }) => ({
    x: () => slice(dy, (paddings as [number, number][]).map(([before]) => before), x!.shape),
  }));
  define("Tile", { inputs: ["x"] }, (dy, [x], { reps }) => ({
    x: () => {
      let total: Tensor = dy;
      // One axis at a time: [outer, repeats, inner].
      x!.shape.forEach((_, axis) => {
        const repeats = (reps as number[])[axis]!;
        if (repeats === 1) return;
        const outer = x!.shape.slice(0, axis).reduce((product, size) => product * size, 1);
        total = sum(reshape(total, [outer, repeats, -1]), 1);
      });
      return reshape(total, x!.shape);
    },
  }));

  for (const { kernelName } of getKernelsForBackend(engine().backendName)) {
    if (!defined.has(kernelName) && getGradient(kernelName) !== undefined) unregisterGradient(kernelName);
  }
}

/** The gradients of several outputs; the engine passes that of a single output on its own. */
function list(dy: Tensor | Tensor[]): Tensor[] {
  return Array.isArray(dy) ? dy : [dy];
}

function step(values: Tensor): Tensor {
  return cast(greater(values, 0), "float32");
}

/** Sums a gradient over the axes along which its operand was broadcast. */
function sumTo(gradient: Tensor, operand: Tensor): Tensor {
  if (util.arraysEqual(gradient.shape, operand.shape)) return gradient;
  const channels = operand.shape[operand.rank - 1];
  if (channels === operand.size && channels === gradient.shape[gradient.rank - 1]) {
    // A bias: by a product on wasm, where a sum over leading axes takes 12 to 35 times as long.
    return reshape(sumRows(reshape(gradient, [-1, channels])), operand.shape);
  }
  const lead = gradient.rank - operand.rank;
  const axes = gradient.shape.flatMap((size, axis) => (axis < lead || (operand.shape[axis - lead] === 1 && size !== 1) ? [axis] : []));
  return reshape(axes.length === 0 ? gradient : sum(gradient, axes), operand.shape);
}

function selected(name: string, dy: Tensor, a: Tensor, b: Tensor, first: Tensor): Record<string, () => Tensor> {
  if (!util.arraysEqual(a.shape, b.shape) && a.size !== 1 && b.size !== 1) {
    throw new HidiffError("gradient.broadcast", `${name}: only equal shapes or a scalar can be differentiated, got [${a.shape}] and [${b.shape}].`);
  }
  return {
    a: () => sumTo(where(first, dy, zerosLike(dy)), a),
    b: () => sumTo(where(first, zerosLike(dy), dy), b),
  };
}

function spread(gradient: Tensor, input: Tensor, axis: unknown): Tensor {
  const axes = util.parseAxisParam(axis as number | number[], input.shape);
  const kept = input.shape.map((size, index) => (axes.includes(index) ? 1 : size));
  const single = reshape(gradient, kept);
  // Tiling is 15 times faster natively, and 20 times slower on wasm.
  if (!isNative()) return mul(ones(input.shape), single);
  return tile(single, input.shape.map((size, index) => (axes.includes(index) ? size : 1)));
}

function inverse(permutation: readonly number[]): number[] {
  const result = Array.from<number>({ length: permutation.length });
  permutation.forEach((axis, index) => {
    result[axis] = index;
  });
  return result;
}
