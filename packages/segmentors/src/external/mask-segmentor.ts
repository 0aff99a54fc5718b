import { clipByValue, type Generator, HidiffError, isHidiffError, log, type Mode, sub, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { requireImage } from "../image-size.ts";
import { positiveInteger, readOptions } from "../options.ts";
import { type ImageBatch, SegmentorModule, type SegmentorOutput } from "../segmentor.ts";
import { checkedPrior } from "./checked-prior.ts";
import { FeaturePyramid } from "./feature-pyramid.ts";

/** Anything that segments images: the probabilities `[batch, height, width, classes]`, in [0, 1]. */
export type MaskPredictor = (images: ImageBatch) => Float32Array | Promise<Float32Array>;

export interface MaskSegmentorOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Channels of the learned feature map at stride 4; those at 8, 16 and 32 have 2, 4 and 4 times as many. Default 16. */
  readonly featureWidth?: number;
}

/** Keeps log-odds finite. */
const smallest = 1e-6;

/**
 * A segmentor of which only the mask is known: another program's, another runtime's, or one that was computed before. It
 * cannot be trained itself; the feature maps come from a {@link FeaturePyramid}, which is trained with the refiner.
 *
 * @throws HidiffError `segmentor.option`
 */
export class MaskSegmentor extends SegmentorModule {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];
  readonly #pyramid: FeaturePyramid;
  readonly #load: (() => Promise<MaskPredictor>) | undefined;
  #predictor: Promise<MaskPredictor> | undefined;

  /** @param load gives the predictor when the segmentor is opened; without it, maps must come with the images */
  constructor(options: MaskSegmentorOptions, generator: Generator, load?: () => Promise<MaskPredictor>) {
    super();
    const { imageChannels, classes, featureWidth } = readOptions<Required<MaskSegmentorOptions>>("MaskSegmentor", options, {
      imageChannels: positiveInteger(),
      classes: positiveInteger(),
      featureWidth: positiveInteger(16),
    });
    this.imageChannels = imageChannels;
    this.classes = classes;
    this.#pyramid = this.addChild("pyramid", new FeaturePyramid({ imageChannels, classes, width: featureWidth }, generator));
    this.featureChannels = this.#pyramid.channels;
    this.#load = load;
  }

  override get trainable(): boolean {
    return false;
  }

  /** Whether its maps must come with the data, since it has no predictor. */
  get needsMaps(): boolean {
    return this.#load === undefined;
  }

  /** Loads the predictor, once; a failed attempt may be repeated. */
  override async open(): Promise<void> {
    await this.#open();
  }

  /**
   * The predictor's probabilities or, for a segmentor without one, `maps`: checked, clipped to [0, 1] and, for several
   * classes, divided by their sum.
   *
   * @throws HidiffError `segmentor.prior` if there are none or both, if they are no probabilities of the images' size, or if
   * the predictor fails (errors of this project pass as they are)
   */
  override async externalPrior(images: ImageBatch, maps?: Float32Array): Promise<Float32Array> {
    const predict = await this.#open();
    if (predict !== undefined && maps !== undefined) {
      throw new HidiffError(
        "segmentor.prior",
        'The segmentor computes its masks itself, and masks came with the images; leave them out, or take the segmentor "masks".',
      );
    }
    if (predict !== undefined) return checkedPrior(await predictOrExplain(predict, images), images, this.classes, "the predictor");
    if (maps !== undefined) return checkedPrior(maps, images, this.classes, "the maps that came with the images");
    throw new HidiffError(
      "segmentor.prior",
      "The segmentor takes masks that were computed before, and the images came without them; give a folder of masks or " +
        "probability maps, a file an image: `priors.folder` in the configuration, `--priors FOLDER` on the command line.",
    );
  }

  /**
   * The logits are the log-odds of the prior, which is clipped by 1e-6: {@link prior} gives it back.
   *
   * @throws HidiffError `segmentor.image`, and `segmentor.prior` without an external prior of the image's size
   */
  forward(image: Tensor4D, _mode: Mode, externalPrior?: Tensor4D): SegmentorOutput {
    requireImage("MaskSegmentor", image, this.imageChannels);
    const shape = [...image.shape.slice(0, 3), this.classes];
    if (externalPrior?.shape.join() !== shape.join()) {
      throw new HidiffError(
        "segmentor.prior",
        `MaskSegmentor: expected an external prior [${shape}], got ${externalPrior === undefined ? "none" : `[${externalPrior.shape}]`}; ` +
          "give what externalPrior(images) returns.",
      );
    }
    return tidy(() => ({ logits: logitsOf(externalPrior), features: this.#pyramid.forward(image, externalPrior) }));
  }

  async #open(): Promise<MaskPredictor | undefined> {
    this.#predictor ??= this.#load?.();
    try {
      return await this.#predictor;
    } catch (error) {
      this.#predictor = undefined;
      throw error;
    }
  }
}

/** What sigmoid (one class) or softmax makes `probability` of, to about 1e-6. */
function logitsOf(probability: Tensor4D): Tensor4D {
  if (probability.shape[3] > 1) return log(clipByValue(probability, smallest, 1));
  const clipped = clipByValue(probability, smallest, 1 - smallest);
  return sub(log(clipped), log(sub(1, clipped)));
}

async function predictOrExplain(predict: MaskPredictor, images: ImageBatch): Promise<Float32Array> {
  try {
    return await predict(images);
  } catch (error) {
    if (isHidiffError(error)) throw error;
    const { batch, height, width, channels } = images;
    throw new HidiffError(
      "segmentor.prior",
      `The predictor failed for images [${batch}, ${height}, ${width}, ${channels}]: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
