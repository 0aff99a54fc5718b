import { Generator } from "@hidiff/core-tensor";
import { expect, it } from "vitest";
import { describePublishedNetwork } from "../testing/published-network.ts";
import { publishedResidualUNetName } from "./published-names.ts";
import { ResidualUNet } from "./residual-unet.ts";

describePublishedNetwork("nnU-Net's residual U-Net", {
  fixture: new URL("./fixtures/residual-unet.json", import.meta.url),
  create: (configuration) => new ResidualUNet(configuration as never, new Generator(1)),
  publishedName: publishedResidualUNetName,
});

it("publishedResidualUNetName rejects names of other networks", () => {
  expect(() => publishedResidualUNetName("head.weight")).toThrow(/"head.weight" is not a state name of a residual U-Net/);
});
