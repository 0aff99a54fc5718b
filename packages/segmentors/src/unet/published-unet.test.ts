import { readFileSync } from "node:fs";
import {
  Generator,
  gradientNorm,
  type HostTensor,
  mul,
  stateFromPyTorch,
  sum,
  type Scalar,
  type Tensor4D,
  tensor4d,
  tidy,
  transpose,
  valueAndGradients,
} from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { formula, formulaParameter, goldensFolder, readGolden, readGoldenTensors, toChannelsLast } from "../../../../test/goldens.ts";
import "../../../../test/matchers.ts";
import { publishedUNetName } from "./published-names.ts";
import { UNet } from "./unet.ts";

type Shape = readonly [number, number, number, number];

interface Fixture {
  readonly inputShape: Shape;
  readonly logitsShape: Shape;
  readonly loss: number;
  readonly logits: readonly number[];
  readonly trainLogits: readonly number[];
  readonly parameters: Readonly<Record<string, { readonly shape: readonly number[]; readonly gradientNorm: number }>>;
}

const fixtureFile = new URL("./fixtures/unet.json", import.meta.url);
const fixture = JSON.parse(readFileSync(fixtureFile, "utf8")) as Fixture;

function formulaTensor(name: string, [batch, channels, height, width]: Shape): Tensor4D {
  const values = toChannelsLast(formula(name, batch * channels * height * width), [batch, channels, height, width]);
  return tensor4d(values, [batch, height, width, channels]);
}

/** Values of `[batch, height, width, channels]` in PyTorch's order. */
function inChannelsFirst(values: Tensor4D): Float32Array {
  const rearranged = transpose(values, [0, 3, 1, 2]);
  const result = Float32Array.from(rearranged.dataSync());
  rearranged.dispose();
  return result;
}

describe("the published U-Net", () => {
  let logits: Float32Array;
  let trainLogits: Float32Array;
  let loss: number;
  const gradientNorms = new Map<string, number>();
  const usedNames: string[] = [];

  // One network of 31 million parameters, run once for all tests.
  beforeAll(async () => {
    await useTestBackend();
    const network = new UNet({ imageChannels: 3, classes: 2 }, new Generator(1));
    const find = (name: string): HostTensor | undefined => {
      const published = publishedUNetName(name);
      usedNames.push(published);
      const owner = fixture.parameters[published.replace(/running_(mean|var)$/, "weight")];
      return owner && formulaParameter(published, owner.shape);
    };
    network.loadStateDict(stateFromPyTorch(network, find));

    const image = formulaTensor("input.img", fixture.inputShape);
    const weight = formulaTensor("input.gradweight", fixture.logitsShape);
    tidy(() => {
      logits = inChannelsFirst(network.forward(image, { training: false }).logits);
    });
    const parameters = network.parameters();
    const result = valueAndGradients(() => {
      const output = network.forward(image, { training: true }).logits;
      trainLogits = inChannelsFirst(output);
      return sum(mul(output, weight)) as Scalar;
    }, parameters);
    loss = result.value;
    parameters.forEach(({ name }, index) => {
      gradientNorms.set(publishedUNetName(name), gradientNorm([result.gradients[index]!]));
    });
    network.dispose();
    image.dispose();
    weight.dispose();
  });

  const sample = (values: Float32Array): number[] => fixture.logits.map((_, i) => values[64 * i + ((37 * i) % 64)]!);

  it("has the published state", () => {
    const published = Object.keys(fixture.parameters);
    // Shapes were checked when the state was loaded.
    expect(usedNames.filter((name) => !name.includes("running")).sort()).toEqual([...published].sort());
    const norms = published.filter((name) => /double_conv\.[14]\.weight$/.test(name));
    const statistics = norms.flatMap((name) => ["running_mean", "running_var"].map((field) => name.replace(/weight$/, field)));
    expect(usedNames.filter((name) => name.includes("running")).sort()).toEqual(statistics.sort());
  });

  // The goldens' tolerance for float networks is 1e-4. These logits are small, below 0.14; their error here is 6e-8.
  it("computes the published logits in evaluation mode", () => {
    expect(sample(logits)).toBeAllClose(fixture.logits, { absolute: 1e-5 });
  });

  it("computes the published logits in training mode", () => {
    expect(sample(trainLogits)).toBeAllClose(fixture.trainLogits, { absolute: 1e-4 });
    expect([loss]).toBeAllClose([fixture.loss], { absolute: 1e-2 }); // a weighted sum of 16384 logits
  });

  it("has the published gradients", () => {
    const names = Object.keys(fixture.parameters);
    expect(names.map((name) => gradientNorms.get(name)!)).toBeAllClose(
      Object.values(fixture.parameters).map(({ gradientNorm: norm }) => norm),
      { absolute: 1e-4, relative: 0.02 },
    );
  });

  describe.skipIf(goldensFolder === undefined)("against the complete goldens (skipped where their folder is absent)", () => {
    it("computes every logit in both modes", () => {
      const { tensors } = readGoldenTensors("unet_3ch_k2_s64.safetensors");
      expect(logits).toBeAllClose(tensors.get("logits")!.data, { absolute: 1e-5 });
      expect(trainLogits).toBeAllClose(tensors.get("train.logits")!.data, { absolute: 1e-4 });
    });

    it("has every gradient", () => {
      const { train_grad_l2: norms } = readGolden<{ train_grad_l2: Record<string, number> }>("unet_3ch_k2_s64.json");
      const names = [...gradientNorms.keys()];
      expect(names.map((name) => gradientNorms.get(name)!)).toBeAllClose(
        names.map((name) => norms[name]!),
        { absolute: 1e-4, relative: 0.02 },
      );
    });
  });
});

describe("publishedUNetName", () => {
  it("knows every kind of part", () => {
    expect(publishedUNetName("encoder.0.conv1.weight")).toBe("inc.double_conv.0.weight");
    expect(publishedUNetName("encoder.3.norm2.runningVariance")).toBe("down3.maxpool_conv.1.double_conv.4.running_var");
    expect(publishedUNetName("decoder.0.up.bias")).toBe("up1.up.bias");
    expect(publishedUNetName("decoder.1.conv.norm1.runningMean")).toBe("up2.conv.double_conv.1.running_mean");
    expect(publishedUNetName("head.bias")).toBe("outc.conv.bias");
  });

  it("rejects names of other networks", () => {
    expect(() => publishedUNetName("transformer.0.query.weight")).toThrow(/"transformer.0.query.weight" is not a state name of a U-Net/);
  });
});
