import { readFileSync } from "node:fs";
import { Generator, type HostTensor, stateFromPyTorch, tensor4d, tidy, transpose } from "@hidiff/core-tensor";
import { describe, expect, it } from "vitest";
import { formula, formulaParameter, goldensFolder, readGoldenTensors } from "../../../../test/goldens.ts";
import { describePublishedNetwork } from "../testing/published-network.ts";
import type { TransUNetOptions } from "./options.ts";
import { publishedTransUNetName } from "./published-names.ts";
import { TransUNet } from "./transunet.ts";

interface Fixture {
  readonly configuration: TransUNetOptions;
  readonly parameters: Readonly<Record<string, { readonly shape: readonly number[] }>>;
  readonly buffers: Readonly<Record<string, readonly number[]>>;
}

interface OtherSize {
  readonly logits: readonly number[];
  /** At strides 4, 8, 16, 32. */
  readonly features: readonly { readonly values: readonly number[] }[];
}

const fixture = new URL("./fixtures/transunet.json", import.meta.url);

/** A network of the fixture's configuration with the formula's numbers. */
function publishedNetwork(): TransUNet {
  const { configuration, parameters, buffers } = JSON.parse(readFileSync(fixture, "utf8")) as Fixture;
  const network = new TransUNet(configuration, new Generator(1));
  const find = (name: string): HostTensor => {
    const published = publishedTransUNetName(name);
    return formulaParameter(published, parameters[published]?.shape ?? buffers[published]!);
  };
  network.loadStateDict(stateFromPyTorch(network, find));
  return network;
}

describePublishedNetwork("the published TransUNet", {
  fixture,
  create: (configuration) => new TransUNet(configuration as never, new Generator(1)),
  publishedName: publishedTransUNetName,
});

it("computes PyTorch's maps of a larger image that is not square, with resampled position embeddings", () => {
  const sizes = JSON.parse(readFileSync(new URL("./fixtures/transunet-96x160.json", import.meta.url), "utf8")) as OtherSize;
  const network = publishedNetwork();
  tidy(() => {
    const image = tensor4d(formula("input.img", 2 * 96 * 160), [2, 96, 160, 1]); // one channel: the same in both layouts
    const { logits, features } = network.forward(image, { training: false });
    const maps = [{ values: sizes.logits }, ...sizes.features];
    [logits, ...features].forEach((map, index) => {
      const received = transpose(map, [0, 3, 1, 2]).dataSync();
      const step = Math.max(1, Math.floor(received.length / 256) - 1);
      const { values } = maps[index]!;
      expect(values.map((_, i) => received[i * step]!)).toBeAllClose(values, { absolute: 1e-5 });
    });
  });
  network.dispose();
});

describe.skipIf(goldensFolder === undefined)("against the complete goldens (skipped where their folder is absent)", () => {
  it("computes every logit in both modes", () => {
    const { tensors } = readGoldenTensors("transunet_small_k3_s64.safetensors");
    const network = publishedNetwork();
    tidy(() => {
      const image = tensor4d(formula("input.img", 64 * 64), [1, 64, 64, 1]);
      const logits = (training: boolean): ArrayLike<number> =>
        transpose(network.forward(image, { training }).logits, [0, 3, 1, 2]).dataSync();
      // The goldens' tolerance for float networks is 1e-4. The logits of evaluation mode are below 0.1.
      expect(logits(false)).toBeAllClose(tensors.get("logits")!.data, { absolute: 1e-5 });
      expect(logits(true)).toBeAllClose(tensors.get("train.logits")!.data, { absolute: 1e-4 });
    });
    network.dispose();
  });
});

describe("publishedTransUNetName", () => {
  it("knows every kind of part", () => {
    expect(publishedTransUNetName("positionEmbeddings")).toBe("transformer.embeddings.position_embeddings");
    expect(publishedTransUNetName("resnet.stages.2.8.norm3.bias")).toBe("transformer.embeddings.hybrid_model.body.block3.unit9.gn3.bias");
    expect(publishedTransUNetName("transformer.blocks.11.attention.output.weight")).toBe("transformer.encoder.layer.11.attn.out.weight");
    expect(publishedTransUNetName("decoder.blocks.3.norm2.runningVariance")).toBe("decoder.blocks.3.conv2.1.running_var");
  });

  it("rejects names of other networks", () => {
    expect(() => publishedTransUNetName("encoder.0.conv1.weight")).toThrow(/"encoder.0.conv1.weight" is not a state name of a TransUNet/);
  });
});
