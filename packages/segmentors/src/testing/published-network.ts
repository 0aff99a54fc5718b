import { readFileSync } from "node:fs";
import {
  addN,
  dispose,
  gradientNorm,
  type HostTensor,
  mul,
  type Scalar,
  stateFromPyTorch,
  sum,
  type Tensor4D,
  tensor4d,
  tidy,
  transpose,
  valueAndGradients,
} from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { formula, formulaParameter, goldensFolder, readGoldenTensors, toChannelsLast } from "../../../../test/goldens.ts";
import "../../../../test/matchers.ts";
import type { SegmentorModule } from "../segmentor.ts";

type Shape = readonly [number, number, number, number];

/** A map of a PyTorch network, `[batch, channels, height, width]`, by samples of its values. */
interface SampledMap {
  readonly shape: Shape;
  readonly values: readonly number[];
}

/**
 * What a PyTorch network computes from parameters and an image that are given by the formula in test/goldens.ts. Arrays are
 * in PyTorch's layout; of a map of n values, 256 are stored: every (⌊n/256⌋ − 1)-th from the first (see {@link sample}).
 */
interface PublishedFixture {
  /** The options that the network was made with. */
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly inputShape: Shape;
  readonly logitsShape: Shape;
  /** In training mode, the sum of logits · u('input.gradweight') and of deepSupervision[i − 1] · u('input.gradweight.i'). */
  readonly loss: number;
  /** Logits in evaluation mode. */
  readonly logits: readonly number[];
  /** Logits in training mode. */
  readonly trainLogits: readonly number[];
  /** Feature maps at strides 4, 8, 16, 32, in evaluation mode. */
  readonly features: readonly SampledMap[];
  /** Logits at strides 2, 4, 8, … of networks that have them. */
  readonly deepSupervision: readonly SampledMap[];
  /** Shapes, and the L2 norms of the loss's gradients. */
  readonly parameters: Readonly<Record<string, { readonly shape: readonly number[]; readonly gradientNorm: number }>>;
  /** Shapes of the buffers. */
  readonly buffers: Readonly<Record<string, readonly number[]>>;
}

export interface PublishedNetworkTest {
  /** The fixture's file. */
  readonly fixture: URL;
  /** Makes our network from the fixture's configuration. */
  create(configuration: Readonly<Record<string, unknown>>): SegmentorModule;
  /** The published name of one of our state names. */
  publishedName(name: string): string;
  /** The name of all logits in both modes in the goldens' folder, for networks of which it has them. */
  readonly goldens?: string;
}

/** Largest relative error of a gradient's norm, which leaves room for a sum of float32's rounding. */
const gradientTolerance = 2e-3;

interface Outputs {
  readonly logits: Float32Array;
  readonly trainLogits: Float32Array;
  readonly features: readonly Float32Array[];
  readonly featureShapes: readonly Shape[];
  readonly deepSupervision: readonly Float32Array[];
  readonly loss: number;
  readonly gradientNorms: ReadonlyMap<string, number>;
}

/** Checks that our network has the published one's state and computes its logits, feature maps and gradients. */
export function describePublishedNetwork(title: string, options: PublishedNetworkTest): void {
  const { publishedName, goldens } = options;
  describe(title, () => {
    const fixture = readFixture(options);
    const usedNames: string[] = [];
    let outputs: Outputs;

    // The network is run once for all tests.
    beforeAll(async () => {
      await useTestBackend();
      const network = publishedNetwork(options, usedNames);
      outputs = compute(network, fixture, publishedName);
      network.dispose();
    });

    it("has the published state", () => {
      const isStatistics = (name: string): boolean => /running_(mean|var)$/.test(name);
      // Shapes were checked when the state was loaded. Other buffers are tables that are computed from the options.
      expect(usedNames.filter((name) => !isStatistics(name)).sort()).toEqual(Object.keys(fixture.parameters).sort());
      const statistics = Object.keys(fixture.buffers).filter(isStatistics);
      expect(usedNames.filter(isStatistics).sort()).toEqual(statistics.sort());
    });

    it("computes the published logits in evaluation mode", () => {
      expectSamples(outputs.logits, fixture.logits);
    });

    it("computes the published feature maps", () => {
      expect(outputs.featureShapes).toEqual(fixture.features.map(({ shape }) => shape));
      fixture.features.forEach(({ values }, index) => expectSamples(outputs.features[index]!, values));
    });

    it("computes the published logits in training mode", () => {
      expectSamples(outputs.trainLogits, fixture.trainLogits);
      expect(outputs.deepSupervision).toHaveLength(fixture.deepSupervision.length);
      fixture.deepSupervision.forEach(({ values }, index) => expectSamples(outputs.deepSupervision[index]!, values));
      // The loss is a sum of as many terms of either sign as there are logits: its error grows with the root of their number.
      const terms = outputs.trainLogits.length;
      expect([outputs.loss]).toBeAllClose([fixture.loss], { absolute: 1e-4 * Math.sqrt(terms) });
    });

    it("has the published gradients", () => {
      const names = Object.keys(fixture.parameters);
      const norms = names.map((name) => outputs.gradientNorms.get(name)!);
      const expected = names.map((name) => fixture.parameters[name]!.gradientNorm);
      // Gradients that cancel to nothing, as that of a bias before a normalization, are rounding of the size of the others'.
      const absolute = 1e-3 * gradientTolerance * Math.max(...expected);
      expect(norms).toBeAllClose(expected, { absolute, relative: gradientTolerance });
    });

    if (goldens === undefined) return;
    it.skipIf(goldensFolder === undefined)("computes every logit of the goldens in both modes (skipped where their folder is absent)", () => {
      const { tensors } = readGoldenTensors(`${goldens}.safetensors`);
      // The goldens' tolerance for float networks is 1e-4. Their logits of evaluation mode are below 0.14.
      expect(outputs.logits).toBeAllClose(tensors.get("logits")!.data, { absolute: 1e-5 });
      expect(outputs.trainLogits).toBeAllClose(tensors.get("train.logits")!.data, { absolute: 1e-4 });
    });
  });
}

/** Our network of a fixture's configuration with the formula's numbers. `usedNames` gets the published names that were asked for. */
export function publishedNetwork(options: PublishedNetworkTest, usedNames: string[] = []): SegmentorModule {
  const { configuration, parameters, buffers } = readFixture(options);
  const network = options.create(configuration);
  const find = (name: string): HostTensor | undefined => {
    const published = options.publishedName(name);
    usedNames.push(published);
    const shape = parameters[published]?.shape ?? buffers[published];
    return shape && formulaParameter(published, shape);
  };
  network.loadStateDict(stateFromPyTorch(network, find));
  return network;
}

function readFixture({ fixture }: PublishedNetworkTest): PublishedFixture {
  return JSON.parse(readFileSync(fixture, "utf8")) as PublishedFixture;
}

function compute(network: SegmentorModule, fixture: PublishedFixture, publishedName: (name: string) => string): Outputs {
  const image = formulaTensor("input.img", fixture.inputShape);
  const weights = [fixture.logitsShape, ...fixture.deepSupervision.map(({ shape }) => shape)].map((shape, index) =>
    formulaTensor(index === 0 ? "input.gradweight" : `input.gradweight.${index}`, shape),
  );
  const evaluation: Pick<Outputs, "logits" | "features" | "featureShapes">[] = [];
  const training: Pick<Outputs, "trainLogits" | "deepSupervision">[] = [];
  tidy(() => {
    const { logits, features } = network.forward(image, { training: false });
    const featureShapes = features.map(({ shape: [batch, height, width, channels] }) => [batch, channels, height, width] as const);
    evaluation.push({ logits: inChannelsFirst(logits), features: features.map(inChannelsFirst), featureShapes });
  });
  const parameters = network.parameters();
  const { value, gradients } = valueAndGradients(() => {
    const { logits, deepSupervision = [] } = network.forward(image, { training: true });
    training.push({ trainLogits: inChannelsFirst(logits), deepSupervision: deepSupervision.map(inChannelsFirst) });
    return addN([logits, ...deepSupervision].map((output, index) => sum(mul(output, weights[index]!)) as Scalar));
  }, parameters);
  dispose([image, ...weights]);
  const norms = parameters.map(({ name }, index) => [publishedName(name), gradientNorm([gradients[index]!])] as const);
  return { ...evaluation[0]!, ...training[0]!, loss: value, gradientNorms: new Map(norms) };
}

/** Values of the formula in PyTorch's order, `[batch, channels, height, width]`, as `[batch, height, width, channels]`. */
export function formulaTensor(name: string, [batch, channels, height, width]: Shape): Tensor4D {
  const values = toChannelsLast(formula(name, batch * channels * height * width), [batch, channels, height, width]);
  return tensor4d(values, [batch, height, width, channels]);
}

/** Values of `[batch, height, width, channels]` in PyTorch's order. */
export function inChannelsFirst(values: Tensor4D): Float32Array {
  const rearranged = transpose(values, [0, 3, 1, 2]);
  const result = Float32Array.from(rearranged.dataSync());
  rearranged.dispose();
  return result;
}

/** The values that a fixture stores: at most 256, at equal steps. */
export function sample(values: Float32Array): Float32Array {
  if (values.length < 256) return values;
  const step = Math.max(1, Math.floor(values.length / 256) - 1);
  return Float32Array.from({ length: 256 }, (_, index) => values[index * step]!);
}

/** The goldens' tolerance for float networks is 1e-4, here of the largest value where that is above 1. */
function expectSamples(received: Float32Array, expected: readonly number[]): void {
  const largest = Math.max(1, ...expected.map(Math.abs));
  expect(sample(received)).toBeAllClose(expected, { absolute: 1e-4 * largest });
}
