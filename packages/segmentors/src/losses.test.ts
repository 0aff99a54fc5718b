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
  zeros,
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

describe.each([1, 3])("deep supervision of %i class(es)", (classes) => {
  const shape: Shape = [2, 8, 16, classes];
  const { values, y0 } = example(shape);
  const strides = [2, 4, 8];
  const shapeAt = (stride: number): Shape => [2, 8 / stride, 16 / stride, classes];
  const coarse = strides.map((stride) => new Generator(stride).uniformArray((values.length / stride) / stride, -3, 3));

  /** Row `stride·i + stride/2` and such a column are the nearest pixel to the centre of square i. */
  const truthAt = (stride: number): number[] => {
    const [items, height, width] = shapeAt(stride);
    const pixel = (item: number, row: number, column: number): number[] => {
      const first = ((item * 8 + stride * row + stride / 2) * 16 + stride * column + stride / 2) * classes;
      return y0.slice(first, first + classes);
    };
    return Array.from({ length: items * height * width }, (_, i) =>
      pixel(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width),
    ).flat();
  };
  const plain = (logits: readonly number[], truth: readonly number[], at: Shape): number =>
    reference.crossEntropy(logits, truth, classes) + 0.5 * reference.dice(reference.prior(logits, classes), truth, at);

  /** The loss of the finest logits and those of strides 2, 4, 8, and its gradient with respect to one of them. */
  function supervised(which: number, items: readonly [first: number, end: number] = [0, 2]): { value: number; gradient: Float32Array } {
    const part = (data: ArrayLike<number>): number[] => {
      const perItem = data.length / 2;
      return Array.from(data).slice(items[0] * perItem, items[1] * perItem);
    };
    const shapes = [1, ...strides].map((stride): Shape => [items[1] - items[0], 8 / stride, 16 / stride, classes]);
    const all = [values, ...coarse].map(part);
    return differentiate(all[which]!, shapes[which]!, (input) => {
      const tensors = all.map((data, index) => (index === which ? input : tensor4d(data, shapes[index]!)));
      const [logits, ...deepSupervision] = tensors as [Tensor4D, ...Tensor4D[]];
      return segmentationLoss({ logits, y0: tensor4d(part(y0), shapes[0]!), diceWeight: 0.5, deepSupervision });
    });
  }

  it("is the mean over strides with weights 1, 1/2, 1/4, and 0 for the coarsest, and so is its gradient", () => {
    const all = [values, ...coarse.map((data) => Array.from(data))];
    const expected = (logits: readonly (readonly number[])[]): number =>
      (plain(logits[0]!, y0, shape) + plain(logits[1]!, truthAt(2), shapeAt(2)) / 2 + plain(logits[2]!, truthAt(4), shapeAt(4)) / 4) / 1.75;
    [0, 1, 2].forEach((which) => {
      const { value, gradient } = supervised(which);
      expect([value]).toBeAllClose([expected(all)], { absolute: 2e-6 });
      const differences = centralDifferences(all[which]!, (changed) => expected(all.with(which, [...changed])));
      expect(gradient).toBeAllClose(differences, { absolute: 2e-6 });
    });
  });

  it("has gradients that add up over parts of a batch", () => {
    [0, 1, 2].forEach((which) => {
      const [first, second] = [supervised(which, [0, 1]), supervised(which, [1, 2])];
      const halves = [...first.gradient, ...second.gradient].map((slope) => slope / 2);
      expect(supervised(which).gradient).toBeAllClose(halves, { absolute: 1e-7 });
    });
  });

  it("is the plain loss where there is nothing to supervise, and where there is the coarsest alone", () => {
    const lossWith = (deepSupervision: readonly number[][] | undefined): number =>
      differentiate(values, shape, (logits) => {
        const maps = deepSupervision?.map((data) => tensor4d(data, shapeAt(2)));
        return segmentationLoss({ logits, y0: tensor4d(y0, shape), deepSupervision: maps });
      }).value;
    expect(lossWith([])).toBe(lossWith(undefined));
    expect(lossWith([Array.from(coarse[0]!)])).toBe(lossWith(undefined));
  });

  it("leaves nothing behind, and rejects logits and truths of other sizes", () =>
    noLeak(() => {
      supervised(0);
      tidy(() => {
        const loss = (sides: readonly [number, number], maps: Shape[]) => (): Scalar => {
          const full: Shape = [2, ...sides, classes];
          return segmentationLoss({ logits: zeros(full), y0: zeros(full), deepSupervision: maps.map((map) => zeros(map) as Tensor4D) });
        };
        expect(loss([8, 16], [[2, 4, 4, classes], [2, 2, 4, classes]])).toThrow(/crossEntropyLoss: expected two tensors of one/);
        expect(loss([7, 16], [[2, 4, 8, classes], [2, 2, 4, classes]])).toThrow(/sides that are multiples of 2 .* got \[2,7,16/);
      });
    }));
});
