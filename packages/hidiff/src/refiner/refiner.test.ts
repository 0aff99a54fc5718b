import { countParameters, Generator, reverse, type Scalar, slice, sum, type Tensor, tensor, type Tensor4D, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { CrossTransformer, type TokenOrder } from "./cross-transformer.ts";
import { Refiner, type RefinerInputs, type RefinerOptions } from "./refiner.ts";

beforeAll(useTestBackend);

const featureChannels = [4, 6, 8, 10] as const;
const evaluation = { training: false };

function newRefiner(options: Partial<RefinerOptions> = {}): Refiner {
  return new Refiner({ imageChannels: 1, classes: 1, featureChannels, baseWidth: 4, ...options }, new Generator(1));
}

/** Replaces every parameter by noise: initially many are zero, the head's convolution among them. */
function randomize(network: Refiner | CrossTransformer): void {
  const generator = new Generator("noise");
  const noise = network.stateDict();
  for (const [name, { data }] of noise) if (!name.includes("running")) data.set(generator.normalArray(data.length, 0, 0.3));
  network.loadStateDict(noise);
}

function random(name: string, shape: readonly [number, number, number, number]): Tensor4D {
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(new Generator(name).uniformArray(size), [...shape]) as Tensor4D;
}

function inputs(height: number, width: number, { imageChannels = 1, classes = 1, t = [0, 2] } = {}): RefinerInputs {
  const batch = t.length;
  const features = featureChannels.map((channels, level) => random(`feature ${level}`, [batch, height / (4 << level), width / (4 << level), channels]));
  return {
    image: random("image", [batch, height, width, imageChannels]),
    yt: random("yt", [batch, height, width, classes]),
    prior: random("prior", [batch, height, width, classes]),
    features: features as unknown as RefinerInputs["features"],
    t,
  };
}

function valuesOf(compute: () => Tensor): Float32Array {
  let values = new Float32Array();
  tidy(() => {
    values = Float32Array.from(compute().dataSync());
  });
  return values;
}

describe("every combination of options gives an estimate of the mask's shape", () => {
  const combinations = (["binary", "real"] as const).flatMap((precision) =>
    [true, false].flatMap((crossTransformer) =>
      (["spatial", "published"] as const).flatMap((tokenOrder) =>
        (["sigmoid", "linear"] as const).map((head) => ({ precision, crossTransformer, tokenOrder, head })),
      ),
    ),
  );

  it.each(combinations)("$precision, cross-transformer $crossTransformer, $tokenOrder, $head", async (options) => {
    await noLeak(() => {
      const refiner = newRefiner({ imageChannels: 3, classes: 2, ...options });
      randomize(refiner);
      for (const mode of [evaluation, { training: true }]) {
        tidy(() => {
          const output = refiner.forward(inputs(32, 64, { imageChannels: 3, classes: 2 }), mode);
          expect(output.shape).toEqual([2, 32, 64, 2]);
          const values = output.dataSync();
          const inside = values.every((value) => value > 0 && value < 1);
          expect(inside).toBe(options.head === "sigmoid");
          expect(values.every(Number.isFinite)).toBe(true);
        });
      }
      refiner.dispose();
    });
  });

  // 12 and 24 channels are no multiples of 32: gcd(32, channels) groups.
  it.each([4, 8, 12])("base width %i", (baseWidth) => {
    const refiner = newRefiner({ baseWidth });
    expect(valuesOf(() => refiner.forward(inputs(32, 32), evaluation))).toHaveLength(2 * 32 * 32);
    refiner.dispose();
  });
});

it("without its cross-transformer, it has no parameters of one and ignores the last feature", () => {
  const refiner = newRefiner({ crossTransformer: false });
  randomize(refiner);
  expect(refiner.crossTransformer).toBeUndefined();
  expect(refiner.parameters().filter(({ name }) => name.startsWith("crossTransformer"))).toEqual([]);
  const whole = newRefiner();
  expect(countParameters(whole) - countParameters(refiner)).toBe(countParameters(whole.crossTransformer!));
  const outputOf = (last: Tensor4D): Float32Array => {
    const { features, ...rest } = inputs(32, 32);
    return valuesOf(() => refiner.forward({ ...rest, features: [features[0], features[1], features[2], last] }, evaluation));
  };
  expect(outputOf(random("one", [2, 1, 1, 10]))).toEqual(outputOf(random("another", [2, 1, 1, 10])));
  for (const network of [refiner, whole]) network.dispose();
});

it("estimates 1/2 everywhere at first: the head starts at zero", () => {
  const refiner = newRefiner();
  expect(valuesOf(() => refiner.forward(inputs(32, 32), evaluation)).every((value) => value === 0.5)).toBe(true);
  refiner.dispose();
});

it("treats the items of a batch on their own in evaluation mode, each with its own step", () => {
  const refiner = newRefiner({ precision: "real" });
  randomize(refiner);
  const both = inputs(32, 32, { t: [1, 7] });
  const together = valuesOf(() => refiner.forward(both, evaluation));
  const item = (map: Tensor4D, index: number): Tensor4D => slice(map, [index, 0, 0, 0], [1, -1, -1, -1]);
  const alone = (index: number, t: number): Float32Array =>
    valuesOf(() =>
      refiner.forward(
        {
          image: item(both.image, index),
          yt: item(both.yt, index),
          prior: item(both.prior, index),
          features: both.features.map((feature) => item(feature, index)) as unknown as RefinerInputs["features"],
          t: [t],
        },
        evaluation,
      ),
    );
  // Real-valued: rounding does not flip signs. A dozen blocks of float32.
  expect(Float32Array.of(...alone(0, 1), ...alone(1, 7))).toBeAllClose(together, { absolute: 1e-4 });
  expect(alone(0, 7)).not.toEqual(alone(0, 1));
  refiner.dispose();
});

it("every parameter gets a gradient", () => {
  const refiner = newRefiner();
  randomize(refiner);
  const given = inputs(64, 64);
  const { gradients } = valueAndGradients(() => sum(refiner.forward(given, { training: true })) as Scalar, refiner.parameters());
  const without = refiner.parameters().filter((_, index) => gradients[index]!.every((value) => value === 0));
  expect(without.map(({ name }) => name)).toEqual([]);
  refiner.dispose();
});

describe("errors", () => {
  it.each([
    { height: 33, width: 64, padded: "64×64" },
    { height: 32, width: 20, padded: "32×32" },
    { height: 100, width: 65, padded: "128×96" },
  ])("a size of $height×$width names the padded size", ({ height, width, padded }) => {
    const refiner = newRefiner();
    const image = random("image", [1, height, width, 1]);
    const given: RefinerInputs = { ...inputs(32, 32, { t: [0] }), image, yt: image, prior: image };
    expect(() => refiner.forward(given, evaluation)).toThrow(expect.objectContaining({ code: "refiner.size", message: expect.stringContaining(`pad to ${padded}`) }));
    refiner.dispose();
  });

  it.each([0, 6, -4, 4.5])("a base width of %s", (baseWidth) => {
    expect(() => newRefiner({ baseWidth })).toThrow(expect.objectContaining({ code: "refiner.width" }));
  });
});

describe("the cross-transformer's token order", () => {
  const channels = 8;
  const [height, width] = [2, 3];

  function newCross(tokenOrder: TokenOrder): CrossTransformer {
    const cross = new CrossTransformer(
      { channels, featureChannels: 4, embeddingChannels: 16, precision: "real", tokenOrder },
      new Generator(2),
    );
    randomize(cross);
    return cross;
  }

  function outputs(tokenOrder: TokenOrder): { map: Float32Array; tokens: Float32Array } {
    const cross = newCross(tokenOrder);
    const embedding = random("embedding", [2, height, width, channels]);
    const feature = random("feature", [2, height, width, 4]);
    const time = { activatedEmbedding: tensor(new Generator("time").uniformArray(32), [2, 16]) };
    const result = {
      map: valuesOf(() => cross.forward(embedding, feature, time, evaluation)),
      tokens: valuesOf(() => cross.tokens(embedding, feature, time, evaluation)),
    };
    cross.dispose();
    return result;
  }

  it('"spatial" puts each token to its own place, on a grid that is not square', () => {
    const { map, tokens } = outputs("spatial");
    for (let item = 0; item < 2; item++) {
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          for (let channel = 0; channel < channels; channel++) {
            const token = row * width + column;
            expect(map[((item * height + row) * width + column) * channels + channel]).toBe(tokens[(item * height * width + token) * channels + channel]);
          }
        }
      }
    }
  });

  it('"published" reinterprets the tokens as [channels, height, width]', () => {
    const { map, tokens } = outputs("published");
    const pixels = height * width;
    map.forEach((value, index) => {
      const [item, pixel, channel] = [Math.floor(index / (pixels * channels)), Math.floor(index / channels) % pixels, index % channels];
      expect(value).toBe(tokens[item * pixels * channels + channel * pixels + pixel]);
    });
    const spatial = outputs("spatial");
    expect(tokens).toEqual(spatial.tokens);
    expect(map).not.toEqual(spatial.map);
  });

  it("spatial results move with their inputs: mirrored left–right, the map is mirrored", () => {
    const cross = newCross("spatial");
    // Symmetric kernels make the condition's convolutions commute with mirroring.
    const state = cross.stateDict();
    for (const [name, { shape, data }] of state) {
      if (shape.length !== 4 || shape[1] !== 3 || !name.endsWith("weight")) continue;
      const [inner, outer] = [shape[2]!, shape[3]!];
      for (let row = 0; row < 3; row++) data.copyWithin((row * 3 + 2) * inner * outer, row * 3 * inner * outer, (row * 3 + 1) * inner * outer);
    }
    cross.loadStateDict(state);
    const time = { activatedEmbedding: tensor(new Generator("time").uniformArray(32), [2, 16]) };
    const [embedding, feature] = [random("embedding", [2, height, width, channels]), random("feature", [2, height, width, 4])];
    const plain = valuesOf(() => reverse(cross.forward(embedding, feature, time, evaluation), 2));
    const mirrored = valuesOf(() => cross.forward(reverse(embedding, 2), reverse(feature, 2), time, evaluation));
    expect(mirrored).toBeAllClose(plain, { absolute: 1e-4, relative: 1e-4 });
    cross.dispose();
  });
});
