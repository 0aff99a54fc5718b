import { Generator, type Tensor, tensor4d, tidy } from "@hidiff/core-tensor";
import { beforeAll, beforeEach, expect, it, vi } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { Refiner, type RefinerInputs } from "../refiner/refiner.ts";
import { chainOperations, countOperations, graphOperations, packedOperations } from "./operations.ts";

beforeAll(useTestBackend);

/** A product that the graph engine computed: its left operand by channel, and multiply-adds per input channel. */
interface Product {
  readonly channels: readonly Float32Array[];
  readonly perChannel: number;
}

const products: Product[] = vi.hoisted(() => []);

function record(input: Tensor, outputElements: number, taps: number): void {
  const channels = input.shape.at(-1)!;
  const values = input.dataSync() as Float32Array;
  const ofChannel = (channel: number): Float32Array => values.filter((_, index) => index % channels === channel);
  products.push({ channels: Array.from({ length: channels }, (_, channel) => ofChannel(channel)), perChannel: outputElements * taps });
}

// All products of the graph pass through these two functions; 1×1 convolutions through the second.
vi.mock(import("../../../core-tensor/src/ops/conv2d.ts"), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    conv2d: (input, filter, options) => {
      const output = original.conv2d(input, filter, options);
      const taps = filter.shape[0] * filter.shape[1];
      if (taps > 1) record(input, output.size, taps);
      return output;
    },
  };
});
vi.mock(import("../../../core-tensor/src/ops/matmul.ts"), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    matMul: (a, b) => {
      const output = original.matMul(a, b);
      record(a, output.size, 1);
      return output;
    },
  };
});

beforeEach(() => void products.splice(0));

const options = { imageChannels: 2, classes: 3, baseWidth: 8, featureChannels: [5, 6, 32, 7] } as const;
const size = { height: 64, width: 96 };

/** The products of one step, with its own image, step index or latent mask for the names in `changed`. */
function productsOf(refiner: Refiner, changed: readonly ("image" | "t" | "yt")[]): Product[] {
  products.splice(0);
  tidy(() => {
    const map = (name: string, channels: number, stride = 1): ReturnType<typeof tensor4d> => {
      const generator = new Generator(`${name}${changed.some((part) => name.startsWith(part)) ? " changed" : ""}`);
      const [height, width] = [size.height / stride, size.width / stride];
      return tensor4d(generator.uniformArray(height * width * channels), [1, height, width, channels]);
    };
    refiner.forward(
      {
        image: map("image", options.imageChannels),
        prior: map("image's prior", options.classes),
        features: options.featureChannels.map((channels, level) => map(`image's feature ${level}`, channels, 4 << level)) as unknown as RefinerInputs["features"],
        yt: map("yt", options.classes),
        t: [changed.includes("t") ? 3 : 5],
      },
      { training: false },
    );
  });
  return products.slice();
}

/** The multiply-adds of one step by what they are: signs, or floats that depend on the mask, on image and step, or on the image alone. */
function countByRunning(refiner: Refiner): Record<"binary" | "image" | "imageAndStep" | "mask", number> {
  const base = productsOf(refiner, []);
  const [otherImage, otherStep, otherMask] = (["image", "t", "yt"] as const).map((part) => productsOf(refiner, [part])) as [Product[], Product[], Product[]];
  const counts = { binary: 0, image: 0, imageAndStep: 0, mask: 0 };
  base.forEach(({ channels, perChannel }, index) => {
    if (channels.every((values) => values.every((value) => value === 0 || Math.abs(value) === 1))) {
      counts.binary += channels.length * perChannel;
      return;
    }
    channels.forEach((values, channel) => {
      const differs = (other: readonly Product[]): boolean => other[index]!.channels[channel]!.some((value, i) => value !== values[i]);
      if (differs(otherMask)) counts.mask += perChannel;
      else if (differs(otherImage)) counts[differs(otherStep) ? "imageAndStep" : "image"] += perChannel;
      // else it depends on the step alone: a linear map of the time embedding
    });
  });
  return counts;
}

it.each([true, false])("counts what the graph engine multiplies, cross-transformer: %s", (crossTransformer) => {
  const refiner = new Refiner({ ...options, crossTransformer }, new Generator(1));
  const state = refiner.stateDict();
  // Much is zero at first, and would not depend on anything.
  for (const [name, { data }] of state) if (!name.includes("running")) data.set(new Generator(name).normalArray(data.length, 0, 0.3));
  refiner.loadStateDict(state);
  const { binary, float } = countOperations({ ...options, crossTransformer }, size);
  expect({ binary, ...float }).toEqual(countByRunning(refiner));
  refiner.dispose();
});

const published = { imageChannels: 1, classes: 9, baseWidth: 128, featureChannels: [96, 192, 384, 768], crossTransformer: true } as const;

it("comes to the documented figures for the published refiner", () => {
  const { binary, float } = countOperations(published, { height: 256, width: 256 });
  const giga = (value: number): number => value / 1e9;
  expect(giga(binary)).toBeCloseTo(78.5, 1);
  expect(giga(float.image + float.imageAndStep + float.mask)).toBeCloseTo(8.15, 2);
  expect([giga(float.image), giga(float.imageAndStep), giga(float.mask)].map((value) => value.toFixed(1))).toEqual(["3.0", "3.8", "1.4"]);
});

it("the engines multiply as often, but the packed one shares what does not depend on the mask, and the twin has floats alone", () => {
  const operations = countOperations(published, { height: 256, width: 256 });
  const { binary, float } = operations;
  const steps = 10;
  const [packed, graph, twin] = [packedOperations(operations), graphOperations(operations, "binary"), graphOperations(operations, "real")];
  expect(packed.step).toEqual({ binary, float: float.imageAndStep + float.mask });
  expect(packed.step.float + packed.preparation.float).toBe(graph.step.float);
  expect(twin.step).toEqual({ binary: 0, float: graph.step.binary + graph.step.float });
  expect(chainOperations(graph, steps).float - chainOperations(packed, steps).float).toBe((steps - 1) * float.image);
  expect(chainOperations(packed, steps).binary).toBe(steps * binary);
});
