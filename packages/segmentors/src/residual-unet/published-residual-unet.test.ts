import { Generator } from "@hidiff/core-tensor";
import { expect, it } from "vitest";
import { describePublishedNetwork } from "../testing/published-network.ts";
import { publishedResidualUNetName } from "./published-names.ts";
import { publishedResidualUNetOptions } from "./published-options.ts";
import { ResidualUNet } from "./residual-unet.ts";

describePublishedNetwork("nnU-Net's residual U-Net", {
  fixture: new URL("./fixtures/residual-unet.json", import.meta.url),
  create: (configuration) => new ResidualUNet(configuration as never, new Generator(1)),
  publishedName: publishedResidualUNetName,
});

it("publishedResidualUNetName rejects names of other networks", () => {
  expect(() => publishedResidualUNetName("head.weight")).toThrow(/"head.weight" is not a state name of a residual U-Net/);
});

it.each([
  ["the plain U-Net", "encoder.stages.0.0.convs.0.conv.weight", /plain U-Net; only the one with a residual encoder/],
  ["a decoder of two convolutions a stage, of which one would be left out", "decoder.stages.0.convs.1.conv.weight", /several convolutions a stage/],
])("publishedResidualUNetOptions refuses %s", (_, name, message) => {
  const shapes = new Map([[name, [8, 8, 3, 3]], ["encoder.stem.convs.0.conv.weight", [8, 1, 3, 3]]]);
  expect(() => publishedResidualUNetOptions(shapes)).toThrow(expect.objectContaining({ code: "weights.names", message: expect.stringMatching(message) }));
});
