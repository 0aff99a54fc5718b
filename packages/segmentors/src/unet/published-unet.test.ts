import { Generator } from "@hidiff/core-tensor";
import { describe, expect, it } from "vitest";
import { describePublishedNetwork } from "../testing/published-network.ts";
import { publishedUNetName } from "./published-names.ts";
import { UNet } from "./unet.ts";

// The default network, of 31 million parameters.
describePublishedNetwork("the published U-Net", {
  fixture: new URL("./fixtures/unet.json", import.meta.url),
  create: (configuration) => new UNet(configuration as never, new Generator(1)),
  publishedName: publishedUNetName,
  goldens: "unet_3ch_k2_s64",
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
