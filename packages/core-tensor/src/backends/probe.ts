import { ones, slice, sum, tidy, variable, variableGrads, type Scalar, type Tensor, type Tensor4D } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { conv2d } from "../ops/conv2d.ts";
import { currentBackend } from "./portable.ts";

export interface BackendCapabilities {
  readonly backend: string;
  /** Whether a training step ran and gave the right gradient. */
  readonly trains: boolean;
  /** Why not. */
  readonly problem?: string;
  /** Median time of a convolution 32 → 32 channels, 3×3, 4×64×64 (on cpu 4×8×8), forward and backward, in milliseconds. */
  readonly trainingStepMilliseconds?: number;
  /** The same in 10⁹ multiply-adds a second (three convolutions' worth a step). */
  readonly gigaMultiplyAddsPerSecond?: number;
}

/**
 * Trains one convolution on the current backend: says what it can do and how fast, rather than failing in mid-training.
 */
export function probeBackend(): BackendCapabilities {
  const backend = currentBackend();
  const size = backend === "cpu" ? 8 : 64;
  // Variables, so that both gradients are computed as in training.
  const input = tidy(() => variable(ones([4, size, size, 32])));
  const filter = tidy(() => variable(ones([3, 3, 32, 32])));
  const loss = (): Scalar => sum(conv2d(input as unknown as Tensor4D, filter as unknown as Tensor4D, { padding: 1 }));
  const step = (): number => {
    const start = performance.now();
    tidy(() => {
      const { grads } = variableGrads(loss, [input, filter]);
      // A corner pixel is seen by 2×2 taps and 32 outputs, a corner tap sees all pixels but a row and a column.
      requireClose("input", slice(grads[input.name]!, [0, 0, 0, 0], [1, 1, 1, 1]), 4 * 32);
      requireClose("filter", slice(grads[filter.name]!, [0, 0, 0, 0], [1, 1, 1, 1]), 4 * (size - 1) ** 2);
    });
    return performance.now() - start;
  };
  try {
    step();
    const times = Array.from({ length: 5 }, step).sort((a, b) => a - b);
    const milliseconds = times[2]!;
    const multiplyAdds = 3 * 4 * size * size * 9 * 32 * 32;
    return {
      backend,
      trains: true,
      trainingStepMilliseconds: milliseconds,
      gigaMultiplyAddsPerSecond: multiplyAdds / milliseconds / 1e6,
    };
  } catch (error) {
    return { backend, trains: false, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    input.dispose();
    filter.dispose();
  }
}

function requireClose(what: string, gradient: Tensor, expected: number): void {
  const value = gradient.dataSync()[0]!;
  if (!(Math.abs(value - expected) <= 1e-3 * expected)) {
    throw new HidiffError("backend.gradient", `The gradient of a convolution's ${what} is ${value}, expected ${expected}.`);
  }
}
