import {
  batchNormTraining,
  conv2d,
  Generator,
  groupNorm,
  mul,
  type Scalar,
  sum,
  type Tensor,
  type Tensor4D,
  tensor,
  tidy,
  valueAndGradients,
  variable,
} from "@hidiff/core-tensor";

interface Benchmark {
  readonly name: string;
  run(): Promise<Record<string, number | string>>;
}

type Operation = (...inputs: Tensor[]) => Tensor;

/** `[batch, height, width, channels]` of the small networks' first level. */
const image = [4, 128, 128, 32];

/** Median milliseconds of the forward pass alone and of a step: forward and backward to every input. */
function time(shapes: readonly (readonly number[])[], operation: Operation): Record<string, number> {
  const generator = new Generator("benchmark");
  const inputs = shapes.map((shape) => {
    const values = generator.uniformArray(shape.reduce((product, size) => product * size, 1), -1, 1);
    return tidy(() => variable(tensor(values, [...shape])));
  });
  const parameters = inputs.map((input) => ({ name: input.name, variable: input, layout: "plain" as const }));
  const forward = median(() => {
    tidy(() => sum(operation(...inputs)).dataSync());
  });
  const step = median(() => {
    valueAndGradients(() => sum(mul(operation(...inputs), 0.5)) as Scalar, parameters);
  });
  for (const input of inputs) input.dispose();
  return { forwardMilliseconds: forward, stepMilliseconds: step };
}

function median(action: () => void): number {
  action();
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    action();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[2]!;
}

function benchmark(name: string, shapes: readonly (readonly number[])[], operation: Operation): Benchmark {
  return { name, run: async () => time(shapes, operation) };
}

/** The trained operations on the current backend. */
export const benchmarks: readonly Benchmark[] = [
  benchmark("conv2d 3×3, 32 → 32, 4×128²", [image, [3, 3, 32, 32]], (x, w) => conv2d(x as Tensor4D, w as Tensor4D, { padding: 1 })),
  benchmark("conv2d 3×3 stride 2, 32 → 64, 4×128²", [image, [3, 3, 32, 64]], (x, w) =>
    conv2d(x as Tensor4D, w as Tensor4D, { stride: 2, padding: 1 }),
  ),
  benchmark("conv2d 1×1, 32 → 32, 4×128²", [image, [1, 1, 32, 32]], (x, w) => conv2d(x as Tensor4D, w as Tensor4D)),
  benchmark("groupNorm with SiLU, 4×128²×32", [image, [32], [32]], (x, scale, shift) =>
    groupNorm(x as Tensor4D, scale!, shift!, { groups: 8, epsilon: 1e-5, activation: "silu" }),
  ),
  benchmark("batchNorm, 4×128²×32", [image, [32], [32]], (x, scale, shift) => batchNormTraining(x!, scale!, shift!, 1e-5).output),
];
