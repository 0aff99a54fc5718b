import { HidiffError } from "@hidiff/core-tensor";
import { countPublished, publishedShape, type PublishedShapes } from "../published-shapes.ts";

/** The options of the `ResidualUNet` that a checkpoint of nnU-Net is of. Throws HidiffError `weights.names`. */
export function publishedResidualUNetOptions(shapes: PublishedShapes): Record<string, unknown> {
  if (shapes.has("encoder.stages.0.0.convs.0.conv.weight")) {
    throw new HidiffError("weights.names", "The checkpoint is of nnU-Net's plain U-Net; only the one with a residual encoder can be imported (plans such as nnUNetResEncUNetMPlans).");
  }
  if (shapes.has("decoder.stages.0.convs.1.conv.weight")) {
    throw new HidiffError("weights.names", "The checkpoint's decoder has several convolutions a stage; only nnU-Net's default of one (n_conv_per_stage_decoder) can be imported.");
  }
  const [baseWidth, imageChannels] = publishedShape(shapes, "encoder.stem.convs.0.conv.weight", 4);
  const [classes] = publishedShape(shapes, "decoder.seg_layers.0.weight", 4);
  const firstConv = (stage: number, block: number): string => `encoder.stages.${stage}.blocks.${block}.conv1.conv.weight`;
  const stages = countPublished(shapes, (stage) => firstConv(stage, 0));
  const blocks = Array.from({ length: stages }, (_, stage) => countPublished(shapes, (block) => firstConv(stage, block)));
  const widths = blocks.map((_, stage) => publishedShape(shapes, firstConv(stage, 0), 4)[0]!);
  return { imageChannels, classes, stages, baseWidth, maximumWidth: Math.max(...widths), blocks };
}
