import {
  type NamedParameter,
  reshape,
  type Scalar,
  type Tensor,
  type Tensor4D,
  tensor4d,
  tidy,
  valueAndGradients,
  variable,
} from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import "../../../test/matchers.ts";
import { crossEntropyLoss, diceLoss, segmentationLoss } from "./losses.ts";
import { prior } from "./segmentor.ts";

beforeAll(useTestBackend);

type Shape = [number, number, number, number];

/** The formulas in float64, on flat arrays with the classes last. */
const reference = {
  prior(logits: readonly number[], classes: number): number[] {
    if (classes === 1) return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    return logits.map((logit, i) => {
      const first = i - (i % classes);
      const total = logits.slice(first, first + classes).reduce((sum, other) => sum + Math.exp(other), 0);
      return Math.exp(logit) / total;
    });
  },
  crossEntropy(logits: readonly number[], y0: readonly number[], classes: number): number {
    const p = reference.prior(logits, classes);
    const terms = p.map((value, i) => -y0[i]! * Math.log(value) - (classes === 1 ? (1 - y0[i]!) * Math.log(1 - value) : 0));
    return terms.reduce((sum, term) => sum + term, 0) / (logits.length / classes);
  },
  dice(p: readonly number[], q: readonly number[], [items, height, width, classes]: Shape): number {
    let loss = 0;
    for (let item = 0; item < items; item++) {
      for (let k = 0; k < classes; k++) {
        let overlap = 0;
        let total = 0;
        for (let pixel = 0; pixel < height * width; pixel++) {
          const i = (item * height * width + pixel) * classes + k;
          overlap += p[i]! * q[i]!;
          total += p[i]! ** 2 + q[i]! ** 2;
        }
        loss += (1 - (2 * overlap + 1e-5) / (total + 1e-5)) / (items * classes);
      }
    }
    return loss;
  },
};

function example(shape: Shape): { values: number[]; y0: number[] } {
  const generator = new Generator(11);
  const classes = shape[3];
  const size = shape.reduce((product, length) => product * length, 1);
  const truth = Array.from({ length: size / classes }, () => generator.integer(Math.max(classes, 2)));
  return {
    values: Array.from({ length: size }, () => generator.uniform(-3, 3)),
    y0: truth.flatMap((label) => (classes === 1 ? [label] : Array.from({ length: classes }, (_, k) => (k === label ? 1 : 0)))),
  };
}

/** The value and gradient of `loss` with respect to its one argument. */
function differentiate(values: readonly number[], shape: Shape, loss: (input: Tensor4D) => Scalar): { value: number; gradient: Float32Array } {
  const input = tidy(() => variable(tensor4d([...values], shape)));
  const parameter: NamedParameter = { name: "input", variable: input, layout: "plain" };
  // The reshape makes a plain tensor of the variable.
  const { value, gradients } = valueAndGradients(() => loss(reshape(input as Tensor, shape)), [parameter]);
  input.dispose();
  return { value, gradient: gradients[0]! };
}

function centralDifferences(values: readonly number[], loss: (values: readonly number[]) => number, step: number = 1e-5): number[] {
  return values.map((value, i) => (loss(values.with(i, value + step)) - loss(values.with(i, value - step))) / (2 * step));
}

const shapes: readonly Shape[] = [
  [2, 3, 2, 1],
  [2, 3, 2, 3],
  [1, 1, 1, 1],
  [1, 1, 1, 2],
];

describe.each(shapes)("losses on [%i, %i, %i, %i]", (...shape) => {
  const classes = shape[3];
  const { values, y0 } = example(shape);
  const probabilities = reference.prior(values, classes);

  // Values are computed in float32, of about 1 with a relative rounding of 6e-8 per step; the differences' error is 1e-9.
  function check(input: readonly number[], loss: (input: Tensor4D, truth: Tensor4D) => Scalar, expected: (input: readonly number[]) => number): void {
    const truth = tensor4d(y0, shape);
    const { value, gradient } = differentiate(input, shape, (tensor) => loss(tensor, truth));
    truth.dispose();
    expect([value]).toBeAllClose([expected(input)], { absolute: 2e-6 });
    expect(gradient).toBeAllClose(centralDifferences(input, expected), { absolute: 2e-6 });
  }

  it("prior: sigmoid or softmax", () => {
    const result = tidy(() => Array.from(prior(tensor4d(values, shape)).dataSync()));
    expect(result).toBeAllClose(probabilities, { absolute: 1e-6 });
  });

  it("cross-entropy and its gradient", () => {
    check(values, crossEntropyLoss, (input) => reference.crossEntropy(input, y0, classes));
  });

  it("Dice loss and its gradient", () => {
    check(probabilities, diceLoss, (input) => reference.dice(input, y0, shape));
  });

  it("their weighted sum and its gradient", () => {
    const expected = (weight: number) => (input: readonly number[]) =>
      reference.crossEntropy(input, y0, classes) + weight * reference.dice(reference.prior(input, classes), y0, shape);
    check(values, (logits, truth) => segmentationLoss({ logits, y0: truth }), expected(1));
    check(values, (logits, truth) => segmentationLoss({ logits, y0: truth, diceWeight: 0.25 }), expected(0.25));
  });
});

describe("values by hand", () => {
  const scalar = (loss: () => Scalar): number => {
    const result = loss();
    const value = result.dataSync()[0]!;
    result.dispose();
    return value;
  };

  it("an undecided network costs ln(classes) per pixel, ln 2 for one class", () =>
    noLeak(() => {
      for (const [classes, expected] of [
        [1, Math.log(2)],
        [2, Math.log(2)],
        [4, Math.log(4)],
      ] as const) {
        const shape: Shape = [1, 2, 2, classes];
        const { y0 } = example(shape);
        const value = tidy(() => crossEntropyLoss(tensor4d(new Float32Array(y0.length), shape), tensor4d(y0, shape)).dataSync()[0]!);
        expect(value).toBeCloseTo(expected, 6);
      }
    }));

  it("logits of ±1000 neither overflow nor lose the loss", () => {
    const logits = [1000, -1000, 1000, -1000];
    const y0 = [1, 0, 0, 1];
    // Two pixels are right and cost 0, two are wrong and cost 1000.
    expect(tidy(() => scalar(() => crossEntropyLoss(tensor4d(logits, [1, 2, 2, 1]), tensor4d(y0, [1, 2, 2, 1]))))).toBe(500);
    const pairs = tidy(() => scalar(() => crossEntropyLoss(tensor4d([1000, -1000, 0, 1000], [1, 1, 2, 2]), tensor4d([1, 0, 1, 0], [1, 1, 2, 2]))));
    expect(pairs).toBe(500); // one right, one wrong by 1000
  });

  it("Dice loss of half an overlap is a half, of a perfect one 0, of none 1", () => {
    const dice = (p: number[], q: number[]): number => tidy(() => scalar(() => diceLoss(tensor4d(p, [1, 2, 2, 1]), tensor4d(q, [1, 2, 2, 1]))));
    expect(dice([1, 1, 0, 0], [0, 1, 1, 0])).toBeCloseTo(0.5, 5);
    expect(dice([1, 1, 0, 0], [1, 1, 0, 0])).toBeCloseTo(0, 6);
    expect(dice([1, 1, 0, 0], [0, 0, 1, 1])).toBeCloseTo(1, 5);
    expect(dice([0, 0, 0, 0], [0, 0, 0, 0])).toBeCloseTo(0, 6); // nothing to find, nothing found
  });

  it("Dice is a mean over items", () => {
    // Item 0: 1 of 1 found; item 1: 0 of 3. Summed over the batch first, Dice would be 2·1/(1 + 4) = 0.4.
    const p = tensor4d([1, 0, 0, 0, 0, 0, 0, 0], [2, 2, 2, 1]);
    const q = tensor4d([1, 0, 0, 0, 1, 1, 1, 0], [2, 2, 2, 1]);
    expect(scalar(() => diceLoss(p, q))).toBeCloseTo(0.5, 5);
    p.dispose();
    q.dispose();
  });

  it("rejects shapes that differ, and empty ones", () => {
    tidy(() => {
      const logits = tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);
      const labels = tensor4d([0, 1], [1, 1, 2, 1]);
      expect(() => crossEntropyLoss(logits, labels)).toThrow(/crossEntropyLoss.*\[1,1,2,2\] and \[1,1,2,1\].*one-hot/);
      expect(() => diceLoss(logits, labels)).toThrow(/diceLoss/);
      const empty = tensor4d([], [0, 1, 2, 2]);
      expect(() => segmentationLoss({ logits: empty, y0: empty })).toThrow(/non-empty/);
    });
  });

  it("leaves nothing behind but its value", async () => {
    const logits = tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);
    const y0 = tensor4d([0, 1, 1, 0], [1, 1, 2, 2]);
    await noLeak(() => scalar(() => segmentationLoss({ logits, y0 })));
    await noLeak(() => differentiate([1, 2, 3, 4], [1, 1, 2, 2], (input) => segmentationLoss({ logits: input, y0 })));
    logits.dispose();
    y0.dispose();
  });
});
