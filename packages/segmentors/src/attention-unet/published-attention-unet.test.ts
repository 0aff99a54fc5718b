import { Generator } from "@hidiff/core-tensor";
import { expect, it } from "vitest";
import { describePublishedNetwork } from "../testing/published-network.ts";
import { AttentionUNet } from "./attention-unet.ts";
import { publishedAttentionUNetName } from "./published-names.ts";

describePublishedNetwork("the published Attention U-Net", {
  fixture: new URL("./fixtures/attention-unet.json", import.meta.url),
  create: (configuration) => new AttentionUNet(configuration as never, new Generator(1)),
  publishedName: publishedAttentionUNetName,
});

it("publishedAttentionUNetName rejects names of other networks", () => {
  expect(() => publishedAttentionUNetName("layers.0.weight")).toThrow(/"layers.0.weight" is not a state name of an Attention U-Net/);
});
