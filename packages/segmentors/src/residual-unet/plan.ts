import { HidiffError } from "@hidiff/core-tensor";
import { defaultBlocks, defaultWidths, maximumStages, minimumStages } from "./defaults.ts";
import type { ResidualUNetOptions } from "./residual-unet.ts";

/** The smallest map's sides are at least this. */
const smallestSide = 4;

/** What {@link planResidualUNet} decides. */
export type ResidualUNetPlan = Required<Pick<ResidualUNetOptions, "stages" | "baseWidth" | "maximumWidth" | "blocks">>;

/**
 * Options of a `ResidualUNet` for images of one size, by the rules of nnU-Net's residual encoder planning in 2-D (Isensee et
 * al. 2021 and 2024): maps are halved as long as both sides stay at least 4, odd sides being padded, the channels double
 * from 32 up to 512, and the stages have 1, 3, 4, 6, 6, … residual blocks. There are 3 to 8 stages.
 *
 * @param imageSize height and width; pad images to multiples of 2^(stages − 1), and at least of 32
 * @throws HidiffError `segmentor.option` for a size that is none
 */
export function planResidualUNet({ imageSize }: { readonly imageSize: readonly [height: number, width: number] }): ResidualUNetPlan {
  if (imageSize.length !== 2 || !imageSize.every((length) => Number.isInteger(length) && length >= 1)) {
    throw new HidiffError(
      "segmentor.option",
      `planResidualUNet: expected imageSize to be [height, width] in pixels, got [${imageSize}].`,
    );
  }
  let side = Math.min(...imageSize);
  let stages = 1;
  while (side >= 2 * smallestSide && stages < maximumStages) {
    side = Math.ceil(side / 2);
    stages++;
  }
  stages = Math.max(stages, minimumStages);
  return { stages, baseWidth: defaultWidths.base, maximumWidth: defaultWidths.maximum, blocks: defaultBlocks.slice(0, stages) };
}
