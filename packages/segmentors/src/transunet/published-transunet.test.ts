import { readFileSync } from "node:fs";
import { Generator, tidy } from "@hidiff/core-tensor";
import { describe, expect, it } from "vitest";
import {
  describePublishedNetwork,
  formulaTensor,
  inChannelsFirst,
  publishedNetwork,
  type PublishedNetworkTest,
  sample,
} from "../testing/published-network.ts";
import { publishedTransUNetName } from "./published-names.ts";
import { TransUNet } from "./transunet.ts";

interface OtherSize {
  readonly logits: readonly number[];
  /** At strides 4, 8, 16, 32. */
  readonly features: readonly { readonly values: readonly number[] }[];
}

const published: PublishedNetworkTest = {
  fixture: new URL("./fixtures/transunet.json", import.meta.url),
  create: (configuration) => new TransUNet(configuration as never, new Generator(1)),
  publishedName: publishedTransUNetName,
  goldens: "transunet_small_k3_s64",
};

describePublishedNetwork("the published TransUNet", published);

it("computes PyTorch's maps of a larger image that is not square, with resampled position embeddings", () => {
  const size = JSON.parse(readFileSync(new URL("./fixtures/transunet-96x160.json", import.meta.url), "utf8")) as OtherSize;
  const network = publishedNetwork(published);
  tidy(() => {
    const { logits, features } = network.forward(formulaTensor("input.img", [2, 1, 96, 160]), { training: false });
    const expected = [size.logits, ...size.features.map(({ values }) => values)];
    [logits, ...features].forEach((map, index) => {
      expect(sample(inChannelsFirst(map))).toBeAllClose(expected[index]!, { absolute: 1e-5 });
    });
  });
  network.dispose();
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
