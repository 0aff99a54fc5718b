import { add, erf, exp, mul, square, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { operation } from "./operation.ts";

/** Gaussian error linear unit (Hendrycks & Gimpel 2016), `x·Φ(x)` with the normal distribution Φ itself, not an approximation. */
export function gelu<T extends Tensor>(input: T): T {
  return operation({
    inputs: { input },
    forward: (save) => {
      save([input]);
      return mul(input, normalDistribution(input)) as Tensor;
    },
    backward: (gradient, [saved]) => ({
      input: () =>
        tidy(() => {
          const density = mul(exp(mul(square(saved!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
          return mul(gradient, add(normalDistribution(saved!), mul(saved!, density)));
        }),
    }),
  }) as T;
}

/** Φ(x) = (1 + erf(x/√2))/2. */
function normalDistribution(input: Tensor): Tensor {
  return mul(add(erf(mul(input, Math.SQRT1_2)), 1), 0.5);
}
