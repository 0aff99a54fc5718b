import { Generator } from "@hidiff/core-tensor";
import { describe, expect, it } from "vitest";
import { describePublishedNetwork } from "../testing/published-network.ts";
import { publishedSwinUNetName } from "./published-names.ts";
import { SwinUNet, type SwinUNetOptions } from "./swin-unet.ts";

// On maps of 24×16, 12×8, 6×4 and 3×2 tokens with windows of 4: shifted ones, padded ones and maps smaller than a window.
describePublishedNetwork("the published Swin-Unet", {
  fixture: new URL("./fixtures/swin-unet.json", import.meta.url),
  create: (configuration) => new SwinUNet(configuration as unknown as SwinUNetOptions, new Generator(1)),
  publishedName: publishedSwinUNetName,
});

describe("publishedSwinUNetName", () => {
  it.each([
    ["patchEmbedding.projection.weight", "patch_embed.proj.weight"],
    ["patchEmbedding.norm.bias", "patch_embed.norm.bias"],
    ["encoder.2.blocks.1.attention.relativePositionBiasTable", "layers.2.blocks.1.attn.relative_position_bias_table"],
    ["encoder.3.blocks.0.mlp.fc1.weight", "layers.3.blocks.0.mlp.fc1.weight"],
    ["encoder.0.downsample.reduction.weight", "layers.0.downsample.reduction.weight"],
    ["norm.weight", "norm.weight"],
    ["decoder.0.upsample.expand.weight", "layers_up.0.expand.weight"],
    ["decoder.1.upsample.norm.weight", "layers_up.1.upsample.norm.weight"],
    ["decoder.0.fusion.bias", "concat_back_dim.1.bias"],
    ["decoder.2.blocks.0.attention.projection.bias", "layers_up.3.blocks.0.attn.proj.bias"],
    ["normUp.bias", "norm_up.bias"],
    ["up.expand.weight", "up.expand.weight"],
    ["head.weight", "output.weight"],
  ])("knows %s", (name, published) => {
    expect(publishedSwinUNetName(name)).toBe(`swin_unet.${published}`);
  });

  it.each(["encoder.4.blocks.0.norm1.weight", "decoder.0.up.weight", "transformer.0.weight"])("rejects %s", (name) => {
    expect(() => publishedSwinUNetName(name)).toThrow(`"${name}" is not a state name of a Swin-Unet`);
  });
});
