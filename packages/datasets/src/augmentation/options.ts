import type { SegmentationDataset } from "../types.ts";
import { affineDefaults, type AffineOptions } from "./affine.ts";
import { colorJitterDefaults, type ColorJitterOptions } from "./color-jitter.ts";
import { gaussianBlurDefaults, type GaussianBlurOptions } from "./gaussian-blur.ts";

/**
 * Which augmentations are drawn for each sample. Each is off where it is missing or `false`, has the method's ranges
 * where it is `true`, and takes single values otherwise. Plain values only, so that it can be stored and sent to a worker.
 */
export interface AugmentationOptions {
  /** Mirrors left and right with probability 0.5, or the given one. */
  readonly horizontalFlip?: boolean | number;
  /** Mirrors top and bottom with probability 0.5, or the given one. */
  readonly verticalFlip?: boolean | number;
  /** Turns by 0°, 90°, 180° or 270° (by 0° or 180° where the window is not square). */
  readonly quarterTurn?: boolean;
  readonly affine?: boolean | Partial<AffineOptions>;
  /** For images of 3 channels (RGB) or 1. */
  readonly colorJitter?: boolean | Partial<ColorJitterOptions>;
  readonly gaussianBlur?: boolean | Partial<GaussianBlurOptions>;
}

/** The augmentation of RGB images in the method, section 8. */
export const paperRgbAugmentation: AugmentationOptions = {
  horizontalFlip: 0.5,
  verticalFlip: 0.5,
  affine: affineDefaults,
  colorJitter: colorJitterDefaults,
  gaussianBlur: gaussianBlurDefaults,
};

/** The augmentation of CT and MRI slices in the method, section 8. */
export const paperVolumeAugmentation: AugmentationOptions = {
  horizontalFlip: 0.5,
  verticalFlip: 0.5,
  quarterTurn: true,
  affine: { rotation: 20, scale: [1, 1], shear: 0, shift: 0 },
};

/** The method's augmentations by name. */
export type AugmentationName = "rgb" | "volume";

const paperAugmentations: Readonly<Record<AugmentationName, AugmentationOptions>> = { rgb: paperRgbAugmentation, volume: paperVolumeAugmentation };

/**
 * Which augmentation the method has for a data set: "rgb" for colour photographs (three channels without names, not of
 * volumes), "volume" for everything else.
 */
export function augmentationNameFor({ imageChannels, channelNames, volumes, splits, depthOf }: SegmentationDataset): AugmentationName {
  if (imageChannels !== 3 || channelNames !== undefined || volumes !== undefined) return "volume";
  const first = splits.train[0] ?? splits.validation[0] ?? splits.test[0];
  return first === undefined || depthOf(first) === 1 ? "rgb" : "volume";
}

/** The augmentation to train with on a data set: the named one, or the data set's own with single options changed. */
export function augmentationFor(dataset: SegmentationDataset, choice: AugmentationName | AugmentationOptions = {}): AugmentationOptions {
  if (typeof choice === "string") return paperAugmentations[choice];
  const base = paperAugmentations[augmentationNameFor(dataset)];
  const given = Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined)) as AugmentationOptions;
  // `true` and parts of ranges refer to the ranges of this augmentation.
  const affine = merged(base.affine, given.affine);
  return { ...base, ...given, ...(affine === undefined ? {} : { affine }) };
}

function merged<T extends object>(base: boolean | T | undefined, change: boolean | T | undefined): boolean | T | undefined {
  if (change === undefined || (change === true && base !== undefined)) return base;
  return typeof base === "object" && typeof change === "object" ? { ...base, ...change } : change;
}

/** {@link AugmentationOptions} with every value filled in; `undefined` is off. */
export interface ResolvedAugmentation {
  readonly horizontalFlip: number;
  readonly verticalFlip: number;
  readonly quarterTurn: boolean;
  readonly affine: AffineOptions | undefined;
  readonly colorJitter: ColorJitterOptions | undefined;
  readonly gaussianBlur: GaussianBlurOptions | undefined;
}

export function resolveAugmentation(options: AugmentationOptions): ResolvedAugmentation {
  return {
    horizontalFlip: probability(options.horizontalFlip),
    verticalFlip: probability(options.verticalFlip),
    quarterTurn: options.quarterTurn ?? false,
    affine: withDefaults(options.affine, affineDefaults),
    colorJitter: withDefaults(options.colorJitter, colorJitterDefaults),
    gaussianBlur: withDefaults(options.gaussianBlur, gaussianBlurDefaults),
  };
}

function probability(option: boolean | number | undefined): number {
  if (option === true) return 0.5;
  return option === undefined || option === false ? 0 : option;
}

function withDefaults<T>(option: boolean | Partial<T> | undefined, defaults: T): T | undefined {
  if (option === undefined || option === false) return undefined;
  return option === true ? defaults : { ...defaults, ...option };
}
