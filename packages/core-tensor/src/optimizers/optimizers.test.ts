import { add, mean, mul, type Scalar, square, sub, sum, type Tensor, tensor, type Tensor4D, type Variable } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { BatchNorm } from "../layers/batch-norm.ts";
import { Conv2d } from "../layers/conv2d.ts";
import { GroupNorm } from "../layers/group-norm.ts";
import { constantTensor } from "../modules/initializers.ts";
import { Module } from "../modules/module.ts";
import { Generator } from "../random.ts";
import { AdamW } from "./adamw.ts";
import { ExponentialMovingAverage } from "./exponential-moving-average.ts";
import { clipGradientNorm, GradientAccumulator, gradientNorm, type Gradients, valueAndGradients } from "./gradients.ts";
import { polynomialDecay } from "./schedule.ts";

beforeAll(useTestBackend);

/** Two parameters and a buffer. */
class Small extends Module {
  readonly a: Variable = this.addParameter("a", { shape: [3], data: Float32Array.of(1, -2, 0.5) });
  readonly b: Variable = this.addParameter("b", constantTensor([1], 4));
  readonly seen: Variable = this.addBuffer("seen", constantTensor([1], 0));

  loss(): Scalar {
    return add(sum(mul(square(this.a), this.b)), square(sum(this.b))) as Scalar;
  }
}

class Net extends Module {
  readonly first: Conv2d;
  readonly norm: GroupNorm;
  readonly last: Conv2d;

  constructor() {
    super();
    const generator = new Generator("net");
    this.first = this.addChild("first", new Conv2d({ inChannels: 2, outChannels: 4 }, generator));
    this.norm = this.addChild("norm", new GroupNorm(4, { groups: 2, activation: "silu" }));
    this.last = this.addChild("last", new Conv2d({ inChannels: 4, outChannels: 1, kernelSize: 1 }, generator));
  }

  forward(input: Tensor4D): Tensor4D {
    return this.last.forward(this.norm.forward(this.first.forward(input)));
  }
}

describe("valueAndGradients", () => {
  it("gives analytic values, zeros where nothing depends, and leaves nothing behind", async () => {
    const module = new Small();
    await noLeak(() => {
      const { value, gradients } = valueAndGradients(() => module.loss(), module.parameters());
      expect(value).toBeCloseTo(4 * (1 + 4 + 0.25) + 16, 4);
      expect(gradients.map((gradient) => [...gradient])).toEqual([[8, -16, 4], [5.25 + 8]]);
      const partial = valueAndGradients(() => sum(module.b), module.parameters());
      expect(partial.gradients.map((gradient) => [...gradient])).toEqual([[0, 0, 0], [1]]);
    });
    module.dispose();
  });

  it("gives every parameter its own array", () => {
    // The gradient of a sum is one tensor for both.
    const module = new Small();
    const { gradients } = valueAndGradients(() => sum(add(module.b, sub(module.b, 1))), [module.parameters()[1]!, module.parameters()[1]!]);
    gradients[0]!.fill(9);
    expect([...gradients[1]!]).toEqual([2]);
    module.dispose();
  });
});

describe("AdamW", () => {
  const options = { beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 };

  /** Algorithm 2 of Loshchilov & Hutter in float64, in the paper's notation. */
  function reference(values: number[], gradientsOfStep: number[][], rates: number[], { beta1, beta2, epsilon, weightDecay }: typeof options): number[] {
    return values.map((start, i) => {
      let [theta, m, v] = [start, 0, 0];
      gradientsOfStep.forEach((gradients, step) => {
        const g = gradients[i]!;
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g ** 2;
        const mHat = m / (1 - beta1 ** (step + 1));
        const vHat = v / (1 - beta2 ** (step + 1));
        theta = theta - rates[step]! * weightDecay * theta - (rates[step]! * mHat) / (Math.sqrt(vHat) + epsilon);
      });
      return theta;
    });
  }

  it.each([options, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }])("equals the published algorithm over several steps: %j", async (settings) => {
    await noLeak(() => {
      const module = new Small();
      const optimizer = new AdamW(module.parameters(), settings);
      const generator = new Generator("gradients");
      const gradients = Array.from({ length: 7 }, () => [generator.normalArray(3), generator.normalArray(1, 0, 1e-3)]);
      const rates = gradients.map((_, step) => 0.1 / (1 + step));
      const expected = reference([1, -2, 0.5, 4], gradients.map(([a, b]) => [...a!, ...b!]), rates, settings);
      gradients.forEach((gradient, step) => optimizer.step(gradient, rates[step]!));
      // Seven float32 roundings of values up to 4.
      expect([...module.a.dataSync(), ...module.b.dataSync()]).toBeAllClose(expected, { absolute: 5e-6 });
      module.dispose();
    });
  });

  it("goes against the gradient by the learning rate in its first step", () => {
    const module = new Small();
    new AdamW(module.parameters()).step([Float32Array.of(10, -0.01, 0), Float32Array.of(3)], 0.5);
    expect([...module.a.dataSync(), ...module.b.dataSync()]).toBeAllClose([0.5, -1.5, 0.5, 3.5], { absolute: 1e-5 });
    module.dispose();
  });

  it("minimizes", () => {
    const module = new Small();
    const optimizer = new AdamW(module.parameters());
    for (let step = 0; step < 200; step++) {
      const { gradients } = valueAndGradients(() => add(sum(square(sub(module.a, 3))), square(sum(module.b))) as Scalar, module.parameters());
      optimizer.step(gradients, polynomialDecay(0.3, step, 200));
    }
    expect([...module.a.dataSync(), ...module.b.dataSync()]).toBeAllClose([3, 3, 3, 0], { absolute: 1e-2 });
    module.dispose();
  });

  it("continues from its stored state exactly as if it had not stopped", () => {
    const train = (module: Small, optimizer: AdamW, steps: number): void => {
      for (let i = 0; i < steps; i++) optimizer.step(valueAndGradients(() => module.loss(), module.parameters()).gradients, 0.01);
    };
    const whole = new Small();
    train(whole, new AdamW(whole.parameters(), options), 6);

    const stopped = new Small();
    const first = new AdamW(stopped.parameters(), options);
    train(stopped, first, 4);
    const resumed = new Small();
    const second = new AdamW(resumed.parameters(), options);
    // In either order.
    second.loadStateDict(first.stateDict());
    resumed.loadStateDict(stopped.stateDict());
    train(resumed, second, 2);
    expect(resumed.stateDict()).toEqual(whole.stateDict());
    for (const module of [whole, stopped, resumed]) module.dispose();
  });

  it("uses weights that were loaded after it was made", () => {
    const module = new Small();
    const optimizer = new AdamW(module.parameters());
    optimizer.step([new Float32Array(3), new Float32Array(1)], 0.1);
    const state = module.stateDict();
    state.get("b")!.data[0] = -7;
    module.loadStateDict(state);
    optimizer.step([new Float32Array(3), new Float32Array(1)], 0.1);
    expect([...module.b.dataSync()]).toEqual([-7]);
    module.dispose();
  });

  it("names a gradient and a state that do not fit", () => {
    const module = new Small();
    const optimizer = new AdamW(module.parameters());
    expect(() => optimizer.step([new Float32Array(3), new Float32Array(2)], 0.1)).toThrow("gradient of b has 2 elements, expected 1");
    const state = optimizer.stateDict();
    state.delete("second.a");
    expect(() => optimizer.loadStateDict(state)).toThrow("second.a");
    module.dispose();
  });
});

describe("gradients of micro-batches", () => {
  it("add up to the gradient of the batch, for a net with group normalization", async () => {
    await noLeak(() => {
      const generator = new Generator("batch");
      const net = new Net();
      const [inputs, targets] = [generator.normalArray(6 * 32), generator.normalArray(6 * 16)];
      const gradientsOfItems = (from: number, to: number): Gradients =>
        valueAndGradients(() => {
          const input = tensor(inputs.slice(from * 32, to * 32), [to - from, 4, 4, 2]) as Tensor4D;
          const target = tensor(targets.slice(from * 16, to * 16), [to - from, 4, 4, 1]);
          return mean(square(sub(net.forward(input), target))) as Scalar;
        }, net.parameters()).gradients;
      const accumulator = new GradientAccumulator();
      for (const [from, to] of [[0, 1], [1, 3], [3, 6]] as const) accumulator.add(gradientsOfItems(from, to), (to - from) / 6);
      const sums = accumulator.take();
      gradientsOfItems(0, 6).forEach((expected, index) => {
        expect(sums[index]!).toBeAllClose(expected, { absolute: 1e-5 });
      });
      expect(() => accumulator.take()).toThrow("no gradient was added");
      net.dispose();
    });
  });

  it("are copied: the arrays that were added stay as they are", () => {
    const accumulator = new GradientAccumulator();
    const gradient = [Float32Array.of(2)];
    accumulator.add(gradient, 0.5);
    accumulator.add(gradient, 0.5);
    expect([...accumulator.take()[0]!]).toEqual([2]);
    expect([...gradient[0]!]).toEqual([2]);
  });
});

describe("clipGradientNorm", () => {
  it("scales longer gradients to the limit and returns the norm before", () => {
    const gradients = [Float32Array.of(3, 0), Float32Array.of(-4)];
    expect(gradientNorm(gradients)).toBe(5);
    expect(clipGradientNorm(gradients, 1)).toBe(5);
    expect([...gradients[0]!, ...gradients[1]!]).toBeAllClose([0.6, 0, -0.8], { absolute: 1e-6 });
    expect(gradientNorm(gradients)).toBeLessThanOrEqual(1);
  });

  it("leaves shorter ones alone", () => {
    const gradients = [Float32Array.of(0.3, 0.4)];
    expect(clipGradientNorm(gradients, 1)).toBeCloseTo(0.5);
    expect([...gradients[0]!]).toEqual([...Float32Array.of(0.3, 0.4)]);
  });
});

it("polynomialDecay falls from the base to zero", () => {
  expect(polynomialDecay(2, 0, 10)).toBe(2);
  expect(polynomialDecay(2, 5, 10)).toBeCloseTo(2 * 0.5 ** 0.9, 12);
  expect(polynomialDecay(2, 5, 10, 1)).toBe(1);
  expect(polynomialDecay(2, 10, 10)).toBe(0);
  expect(polynomialDecay(2, 11, 10)).toBe(0);
});

describe("ExponentialMovingAverage", () => {
  const set = (variable: Variable, value: number): void => {
    const filled = tensor(new Float32Array(variable.size).fill(value), variable.shape) as Tensor;
    variable.assign(filled);
    filled.dispose();
  };

  it("warms up as min(decay, (1 + n)/(10 + n)), and averages buffers likewise", async () => {
    await noLeak(() => {
      const module = new Small();
      const average = new ExponentialMovingAverage(module, 0.2);
      let [b, seen] = [4, 0];
      for (let n = 0; n < 5; n++) {
        set(module.b, n);
        set(module.seen, 10 * n);
        average.update();
        const decay = Math.min(0.2, (1 + n) / (10 + n));
        b = decay * b + (1 - decay) * n;
        seen = decay * seen + (1 - decay) * 10 * n;
      }
      expect(average.updates).toBe(5);
      expect(average.stateDict().get("b")!.data[0]).toBeCloseTo(b, 5);
      expect(average.stateDict().get("seen")!.data[0]).toBeCloseTo(seen, 4);
      module.dispose();
    });
  });

  it("lends its averages, and gives the trained values back, also after an error", async () => {
    await noLeak(async () => {
      const module = new Small();
      const average = new ExponentialMovingAverage(module);
      set(module.b, 100);
      const read = (): number => module.b.dataSync()[0]!;
      expect(await average.with(read)).toBe(4);
      expect(read()).toBe(100);
      await expect(
        average.with(async () => {
          await Promise.resolve();
          throw new Error("inside");
        }),
      ).rejects.toThrow("inside");
      expect(read()).toBe(100);
      await expect(average.with(() => { throw new Error("at once"); })).rejects.toThrow("at once");
      expect(read()).toBe(100);
      expect(average.stateDict().get("b")!.data[0]).toBe(4);
      module.dispose();
    });
  });

  it("averages running statistics", () => {
    const layer = new BatchNorm(2);
    const average = new ExponentialMovingAverage(layer, 0.5);
    set(layer.runningMean, 10);
    average.update();
    expect([...average.stateDict().get("runningMean")!.data]).toEqual([9, 9]); // 1/10 of the old value
    layer.dispose();
  });

  it("continues from stored averages", () => {
    const module = new Small();
    const [first, second] = [new ExponentialMovingAverage(module), new ExponentialMovingAverage(module)];
    set(module.b, 1);
    first.update();
    second.restore(first.stateDict(), first.updates);
    set(module.b, 2);
    first.update();
    second.update();
    expect(second.stateDict()).toEqual(first.stateDict());
    expect(() => second.restore(new Map(), 0)).toThrow("do not fit this network (at a)");
    expect(() => new ExponentialMovingAverage(module, 1)).toThrow("[0, 1)");
    module.dispose();
  });
});
