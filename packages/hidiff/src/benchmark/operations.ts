import type { PackedArchitecture } from "../packed/compiled-refiner.ts";

/**
 * Multiply-adds (MAC) of a refiner's convolutions and token products for one latent mask, zero padding included, as
 * if computed directly: Winograd's algorithm needs fewer. Not counted: what depends on the step index alone, and
 * normalizations, activations and sums.
 */
export interface RefinerOperations {
  /** Products of signs, per step. In the real-valued twin they are float products. */
  readonly binary: number;
  readonly float: {
    /** What depends on the image alone: the condition blocks' first convolution and skip, the stem but for the mask. */
    readonly image: number;
    /** What depends on image and step: the condition blocks' second convolution. */
    readonly imageAndStep: number;
    /** What depends on the latent mask: its channels of the stem, and the head. */
    readonly mask: number;
  };
}

/** Channels, as multiples of the base width, of stages 1 to 5, and after their down-samplings (HiDiff Fig. 3). */
const stageWidths = [1, 1, 2, 2, 4] as const;
const downWidths = [1, 2, 2, 4, 4] as const;
/** Taps of a 3×3 kernel. */
const taps = 9;
/** Widths of a cross-transformer block's linear maps, squares of its channels: query, key, value, output; the feed-forward's two. */
const tokenMaps = 4 + 2 * 4;

/**
 * Counts the multiply-adds of a refiner.
 *
 * @param size the image's, multiples of 32
 */
export function countOperations(
  { imageChannels, classes, baseWidth, featureChannels, crossTransformer }: Omit<PackedArchitecture, "tokenOrder" | "head">,
  { height, width }: { readonly height: number; readonly width: number },
): RefinerOperations {
  const pixels = (level: number): number => (height >> level) * (width >> level);
  const middle = 4 * baseWidth;

  let binary = 2 * taps * pixels(5) * middle ** 2;
  stageWidths.forEach((stageWidth, stage) => {
    const [channels, below] = [stageWidth * baseWidth, downWidths[stage]! * baseWidth];
    const [encoder, decoder, up] = [channels ** 2, 2 * channels ** 2, below * channels];
    const concat = stage >= 2 ? 2 * channels ** 2 : 0;
    binary += taps * (pixels(stage) * (encoder + concat + decoder + up) + pixels(stage + 1) * channels * below);
  });
  if (crossTransformer) {
    const tokens = pixels(5);
    // Two blocks; attention multiplies queries by keys, then its weights by values.
    binary += 2 * (tokenMaps * tokens * middle ** 2 + 2 * tokens ** 2 * middle);
  }

  const stem = (channels: number): number => taps * pixels(0) * channels * baseWidth;
  const float = { image: stem(imageChannels + classes), imageAndStep: 0, mask: stem(classes) + taps * pixels(0) * baseWidth * classes };
  const conditionWidths = [...stageWidths.slice(2), ...(crossTransformer ? [4] : [])];
  conditionWidths.forEach((conditionWidth, level) => {
    const [feature, channels] = [featureChannels[level]!, conditionWidth * baseWidth];
    const skip = feature === channels ? 0 : feature * channels;
    float.image += pixels(level + 2) * (taps * feature * channels + skip);
    float.imageAndStep += taps * pixels(level + 2) * channels ** 2;
  });
  return { binary, float };
}

/** What a measured computation consists of. */
export interface CountedOperations {
  readonly binary: number;
  readonly float: number;
}

/** An engine's operations: in preparing an image, and in one step of one chain after that. */
export interface EngineOperations {
  readonly preparation: CountedOperations;
  readonly step: CountedOperations;
}

/** The packed engine computes what depends on the image alone once. */
export function packedOperations({ binary, float }: RefinerOperations): EngineOperations {
  return { preparation: { binary: 0, float: float.image }, step: { binary, float: float.imageAndStep + float.mask } };
}

/** The graph engine computes everything in every step. */
export function graphOperations({ binary, float }: RefinerOperations, precision: "binary" | "real"): EngineOperations {
  const floats = float.image + float.imageAndStep + float.mask;
  const step = precision === "binary" ? { binary, float: floats } : { binary: 0, float: binary + floats };
  return { preparation: { binary: 0, float: 0 }, step };
}

/** The refiner's operations in a whole chain of `steps`. */
export function chainOperations({ preparation, step }: EngineOperations, steps: number): CountedOperations {
  return { binary: preparation.binary + steps * step.binary, float: preparation.float + steps * step.float };
}
