import { type ScheduleName, scheduleNames } from "@hidiff/bernoulli-diffusion";
import type { TokenOrder } from "../refiner/cross-transformer.ts";
import { type AugmentationName, type AugmentationOptions, type Preprocessing, preprocessingSchema } from "@hidiff/datasets";
import { z } from "zod";

/** Everything that must be known to build the networks: stored in checkpoints and bundles. */
export interface Architecture {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  readonly segmentor: {
    /** A name of the segmentors' registry. Default "unet". */
    readonly name: string;
    /** That segmentor's own options. */
    readonly options: Readonly<Record<string, unknown>>;
  };
  readonly refiner: {
    /** "diffusion", or "discriminative": the same network in one pass without noise, trained by CE + Dice (ablation). */
    readonly kind: "diffusion" | "discriminative";
    /** Channels at full resolution. Default 128. */
    readonly baseWidth: number;
    readonly precision: "binary" | "real";
    readonly crossTransformer: boolean;
    readonly tokenOrder: TokenOrder;
  };
  readonly diffusion: {
    readonly kernel: "bernoulli" | "gaussian";
    readonly schedule: ScheduleName;
    /** T. Default 10. */
    readonly steps: number;
    /**
     * What the network estimates: the noise of the latent mask; the mask itself; or, as log odds, what the image adds to
     * the estimate of the mask that latent mask and prior already give by Bayes' rule.
     */
    readonly target: "epsilon" | "y0" | "y0-log-odds";
  };
}

/** How the training's images are read. */
export interface DataOptions {
  /** Threads that make batches: by default, as many as the machine spares, but two at most; 0: the training's own thread. */
  readonly workers?: number | undefined;
  /** Which slices of volumes are trained on. */
  readonly slices: "all" | "foreground";
  /**
   * Where preprocessed slices are kept on disk: a folder, or false for nowhere. Default: `slices` in the run's folder for
   * volumes, nowhere for photographs.
   */
  readonly cacheFolder?: string | false | undefined;
  /** Whether a case that cannot be read ends the training, or is reported and left out. */
  readonly badCases: "error" | "skip";
}

export interface TrainingOptions {
  readonly seed: number;
  readonly batchSize: number;
  /** The batch is computed in parts of this many items, whose gradients are added up. Default: the whole batch. */
  readonly microBatchSize?: number | undefined;
  /** Side of the square crops, a multiple of 32. */
  readonly cropSize: number;
  /** By name, or the data set's own ("rgb" for colour photographs, "volume" for the rest) with single options changed. */
  readonly augmentation?: AugmentationName | AugmentationOptions | undefined;
  readonly data: DataOptions;
  /** Files of weights to start from instead of random ones: what `hidiff import` writes, or a network of a bundle. */
  readonly initialWeights?: { readonly segmentor?: string | undefined; readonly refiner?: string | undefined } | undefined;
  readonly pretraining: { readonly iterations: number; readonly learningRate: number };
  readonly alternating: {
    readonly iterations: number;
    readonly refinerLearningRate: number;
    readonly segmentorLearningRate: number;
    /** Refiner updates per iteration, each on a batch of its own, before the segmentor's one. */
    readonly refinerUpdates: number;
    /** Ablation V1: the segmentor stays as it was pre-trained. */
    readonly freezeSegmentor: boolean;
  };
  /** λ_Dice. */
  readonly diceWeight: number;
  /** λ_Diff. */
  readonly diffusionWeight: number;
  /** λ_Focal. */
  readonly focalWeight: number;
  /**
   * γ. Default 2, the paper's. With 0 the term is the cross-entropy of the estimate itself: unlike the focal loss it is
   * smallest for calibrated probabilities, which is what the sampling of a chain needs.
   */
  readonly focalGamma: number;
  /**
   * Weight of a Dice loss of the estimated mask, added to L_diff. Default 0, the paper's. Chains that seek the most
   * probable mask (a low sampling temperature) are scored by Dice and gain from being trained for it.
   */
  readonly refinerDiceWeight: number;
  readonly weightDecay: number;
  /** Largest Euclidean norm of a gradient. Default: none. */
  readonly gradientClip?: number | undefined;
  /** Decay of the averages of the refiner's parameters and running statistics, which inference uses. */
  readonly averageDecay: number;
  /** Iterations between two looks at the validation crops; 0: never. */
  readonly validationInterval: number;
  /** Iterations between two checkpoints. */
  readonly checkpointInterval: number;
}

export interface InferenceOptions {
  /** Chains per image, whose mean is the result. */
  readonly samples: number;
  /** Refinement steps, at most the process's; default all of them. */
  readonly steps?: number | undefined;
  readonly sampler: "ancestral" | "ddim";
  /** Below 1, chains seek the most probable mask instead of sampling the possible ones. Default 1, the paper's. */
  readonly temperature: number;
  /** Side of the square windows for images that are larger, a multiple of 32; 0: the whole image at once. */
  readonly window: number;
  /** Overlap of neighbouring windows as a fraction of their side, in [0, 0.9]. */
  readonly overlap: number;
  /** Average over the image's four mirrorings. */
  readonly flips: boolean;
  readonly keepLargestComponent: boolean;
  /** Largest number of windows × samples computed at once. */
  readonly batchSize: number;
}

/** One file configures a run. */
export interface Configuration {
  /** A data set by its name in the registry, with its options (such as `root`, its folder). */
  readonly dataset: { readonly name: string; readonly [option: string]: unknown };
  /** What is done to an image before the networks see it. Default: the data set's own. */
  readonly preprocessing?: Preprocessing | undefined;
  /** Another program's masks or probabilities of the images, a file a case: what the segmentor "masks" takes for the prior. */
  readonly priors?: { readonly folder: string } | undefined;
  readonly architecture: Omit<Architecture, "imageChannels" | "classes">;
  readonly training: TrainingOptions;
  readonly inference: InferenceOptions;
}

type DeepPartial<T> = T extends object ? { readonly [K in keyof T]?: DeepPartial<T[K]> } : T;

/** A configuration as it is written: everything but the data set's name has a default. */
export type ConfigurationInput = DeepPartial<Omit<Configuration, "dataset" | "preprocessing" | "priors">> & Pick<Configuration, "dataset" | "preprocessing" | "priors">;

const positiveInteger = z.number().int().positive();
const count = z.number().int().min(0);
const weight = z.number().min(0);
const fraction = z.number().min(0).max(1);
const learningRate = z.number().positive().default(1e-4);
const range = z.tuple([z.number(), z.number()]);

const architecture = z.strictObject({
  imageChannels: positiveInteger,
  classes: positiveInteger,
  segmentor: z
    .strictObject({ name: z.string().default("unet"), options: z.record(z.string(), z.unknown()).default({}) })
    .prefault({}),
  refiner: z
    .strictObject({
      kind: z.enum(["diffusion", "discriminative"]).default("diffusion"),
      baseWidth: positiveInteger.default(128),
      precision: z.enum(["binary", "real"]).default("binary"),
      crossTransformer: z.boolean().default(true),
      tokenOrder: z.enum(["spatial", "published"]).default("spatial"),
    })
    .prefault({}),
  diffusion: z
    .strictObject({
      kernel: z.enum(["bernoulli", "gaussian"]).default("bernoulli"),
      schedule: z.enum(scheduleNames).default("cosine"),
      steps: positiveInteger.default(10),
      target: z.enum(["epsilon", "y0", "y0-log-odds"]).default("epsilon"),
    })
    .refine(({ kernel, target }) => kernel === "bernoulli" || target === "epsilon", 'the Gaussian kernel takes the target "epsilon" only')
    .prefault({}),
});

// What is left out is as the data set's augmentation has it.
const augmentation = z.strictObject({
  horizontalFlip: z.union([z.boolean(), fraction]).optional(),
  verticalFlip: z.union([z.boolean(), fraction]).optional(),
  quarterTurn: z.boolean().optional(),
  affine: z
    .union([
      z.boolean(),
      z.strictObject({ rotation: weight.optional(), scale: range.optional(), shear: weight.optional(), shift: weight.optional() }),
    ])
    .optional(),
  colorJitter: z
    .union([
      z.boolean(),
      z.strictObject({
        brightness: weight.optional(),
        contrast: weight.optional(),
        saturation: weight.optional(),
        hue: weight.optional(),
      }),
    ])
    .optional(),
  gaussianBlur: z.union([z.boolean(), z.strictObject({ size: positiveInteger.optional(), sigma: range.optional() })]).optional(),
});

const training = z.strictObject({
  seed: z.number().int().default(0),
  batchSize: positiveInteger.default(32),
  microBatchSize: positiveInteger.optional(),
  cropSize: positiveInteger.multipleOf(32).default(256),
  augmentation: z.union([z.enum(["rgb", "volume"]), augmentation]).optional(),
  data: z
    .strictObject({
      workers: count.optional(),
      slices: z.enum(["all", "foreground"]).default("all"),
      cacheFolder: z.union([z.string().min(1), z.literal(false)]).optional(),
      badCases: z.enum(["error", "skip"]).default("error"),
    })
    .prefault({}),
  initialWeights: z.strictObject({ segmentor: z.string().min(1).optional(), refiner: z.string().min(1).optional() }).optional(),
  pretraining: z.strictObject({ iterations: count.default(10_000), learningRate }).prefault({}),
  alternating: z
    .strictObject({
      iterations: count.default(40_000),
      refinerLearningRate: learningRate,
      segmentorLearningRate: learningRate,
      refinerUpdates: positiveInteger.default(1),
      freezeSegmentor: z.boolean().default(false),
    })
    .prefault({}),
  diceWeight: weight.default(1),
  diffusionWeight: weight.default(1),
  focalWeight: weight.default(1),
  focalGamma: weight.default(2),
  refinerDiceWeight: weight.default(0),
  weightDecay: weight.default(0),
  gradientClip: z.number().positive().optional(),
  averageDecay: z.number().min(0).lt(1).default(0.9999),
  validationInterval: count.default(500),
  checkpointInterval: positiveInteger.default(500),
});

const inference = z.strictObject({
  samples: positiveInteger.default(4),
  steps: positiveInteger.optional(),
  sampler: z.enum(["ancestral", "ddim"]).default("ancestral"),
  temperature: z.number().positive().default(1),
  window: count.multipleOf(32).default(256),
  overlap: z.number().min(0).max(0.9).default(0.5),
  flips: z.boolean().default(false),
  keepLargestComponent: z.boolean().default(false),
  batchSize: positiveInteger.default(8),
});

export const architectureSchema: z.ZodType<Architecture> = architecture;
export const trainingSchema: z.ZodType<TrainingOptions> = training;
export const inferenceSchema: z.ZodType<InferenceOptions> = inference;
export const configurationSchema: z.ZodType<Configuration, ConfigurationInput> = z.strictObject({
  dataset: z.looseObject({ name: z.string() }),
  preprocessing: preprocessingSchema.optional(),
  priors: z.strictObject({ folder: z.string().min(1) }).optional(),
  architecture: architecture.omit({ imageChannels: true, classes: true }).prefault({}),
  training: training.prefault({}),
  inference: inference.prefault({}),
}) as unknown as z.ZodType<Configuration, ConfigurationInput>;
