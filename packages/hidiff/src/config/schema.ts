import type { ScheduleName } from "@hidiff/bernoulli-diffusion";
import { type AugmentationName, type AugmentationOptions, type Preprocessing, preprocessingSchema } from "@hidiff/datasets";
import { z } from "zod";
import type { TokenOrder } from "../refiner/cross-transformer.ts";
import { architecture, configuredArchitecture } from "./architecture-schema.ts";
import { augmentation } from "./augmentation-schema.ts";
import { datasetSpec } from "./dataset-options.ts";
import { atLeastZero, count, fraction, path, positiveInteger } from "./fields.ts";
import { inference } from "./inference-schema.ts";
import { withCrossFieldRules } from "./cross-field-rules.ts";

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
  /** How many batches of fixed validation crops a look takes: as many more crops make it slower and its Dice less noisy. */
  readonly validationBatches: number;
  /** Pictures of validation crops, written every `interval` iterations and at the end of a phase; 0: never. */
  readonly pictures: { readonly interval: number; readonly count: number };
  /** Ends the alternation after `patience` looks without a refined Dice that is better by more than `minimumImprovement`. */
  readonly earlyStopping?: { readonly patience: number; readonly minimumImprovement: number } | undefined;
  /**
   * Which parameters the bundle gets: those of the look of the alternation with the best refined Dice, or the last ones.
   * Default: "best" where the data set has validation images, else "last".
   */
  readonly select?: "best" | "last" | undefined;
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

const learningRate = z.number().positive().default(1e-4).describe("Learning rate at the beginning; it falls to 0 as (1 − done)^0.9.");

const training = z.strictObject({
  seed: z.number().int().default(0).describe("Seed of everything random: the same seed gives the same model."),
  batchSize: positiveInteger.default(32).describe("Crops per update."),
  microBatchSize: positiveInteger.optional().describe("Crops computed at once, whose gradients are added up: less memory; batch normalization takes its statistics of these. Default: the whole batch."),
  cropSize: positiveInteger.multipleOf(32).default(256).describe("Side of the square crops in pixels, a multiple of 32."),
  augmentation: augmentation
    .optional()
    .describe('How crops are varied: "rgb" for colour photographs, "volume" for CT and MRI, or single options changed. Default: by the data set.'),
  data: z
    .strictObject({
      workers: count.optional().describe("Threads that make batches; 0: the training's own. Default: one or two."),
      slices: z.enum(["all", "foreground"]).default("all").describe('Of volumes, train on all slices, or on those with "foreground" only.'),
      cacheFolder: z
        .union([path, z.literal(false)])
        .optional()
        .describe("Where preprocessed slices are kept: a folder, or false for nowhere. Default: in the run's folder for volumes, nowhere for photographs."),
      badCases: z.enum(["error", "skip"]).default("error").describe('What a case that cannot be read does: end the training, or "skip" it with a message.'),
    })
    .prefault({})
    .describe("How the images are read."),
  initialWeights: z
    .strictObject({
      segmentor: path.optional().describe("File of the segmentor's weights."),
      refiner: path.optional().describe("File of the refiner's weights."),
    })
    .optional()
    .describe("Weights to start from instead of random ones: what `hidiff import` writes, or a network of a bundle."),
  pretraining: z
    .strictObject({ iterations: count.default(10_000).describe("Updates of the segmentor."), learningRate })
    .prefault({})
    .describe("First phase: the segmentor alone."),
  alternating: z
    .strictObject({
      iterations: count.default(40_000).describe("Rounds: some updates of the refiner, then one of the segmentor."),
      refinerLearningRate: learningRate,
      segmentorLearningRate: learningRate,
      refinerUpdates: positiveInteger.default(1).describe("Updates of the refiner per round, each on a batch of its own."),
      freezeSegmentor: z.boolean().default(false).describe("Leave the segmentor as it was pre-trained; for ablation."),
    })
    .prefault({})
    .describe("Second phase: both networks in turn."),
  diceWeight: atLeastZero.default(1).describe("Weight of the segmentor's Dice loss beside the cross-entropy, λ_Dice."),
  diffusionWeight: atLeastZero.default(1).describe("Weight of the refiner's loss in the segmentor's, λ_Diff."),
  focalWeight: atLeastZero.default(1).describe("Weight of the refiner's focal loss, λ_Focal."),
  focalGamma: atLeastZero.default(2).describe("Exponent of the focal loss, γ: 2 in the paper; 0 gives calibrated probabilities."),
  refinerDiceWeight: atLeastZero.default(0).describe("Weight of a Dice loss of the refined mask: 0 in the paper; above 0 for low sampling temperatures."),
  weightDecay: atLeastZero.default(0).describe("Decoupled weight decay of AdamW."),
  gradientClip: z.number().positive().optional().describe("Largest norm of a gradient. Default: none."),
  averageDecay: z.number().min(0).lt(1).default(0.9999).describe("Decay of the averaged parameters that inference uses: lower for short trainings."),
  validationInterval: count.default(500).describe("Iterations between two looks at the validation images; 0: never."),
  validationBatches: positiveInteger.default(4).describe("How many batches of fixed validation crops a look takes."),
  pictures: z
    .strictObject({
      interval: count.default(500).describe("Iterations between two pictures of validation crops; 0: never."),
      count: positiveInteger.default(4).describe("Crops in a picture."),
    })
    .prefault({})
    .describe("Pictures of validation crops in the run's folder; none without looks."),
  earlyStopping: z
    .strictObject({
      patience: positiveInteger.describe("Looks without improvement after which the second phase ends."),
      minimumImprovement: fraction.default(0).describe("What the refined Dice must gain to count as better."),
    })
    .optional()
    .describe("End the second phase when the Dice of validation images no longer improves. Default: never."),
  select: z
    .enum(["best", "last"])
    .optional()
    .describe("Parameters of the model: of the best look at validation images, or the last ones. Default: best where the data set has validation images."),
  checkpointInterval: positiveInteger.default(500).describe("Iterations between two checkpoints, from which a stopped training goes on."),
});

export const architectureSchema: z.ZodType<Architecture> = architecture;
export const trainingSchema: z.ZodType<TrainingOptions> = training;
export const inferenceSchema: z.ZodType<InferenceOptions> = inference;

const configuration = z.strictObject({
  $schema: z.string().optional().describe("Where the JSON Schema of this file is, for editors; ignored."),
  dataset: datasetSpec,
  preprocessing: preprocessingSchema.optional().describe("What is done to an image before the networks see it, step by step. Default: the data set's own."),
  priors: z
    .strictObject({ folder: path.describe("The folder of the files.") })
    .optional()
    .describe('Another program\'s masks or probabilities of the images, a file a case, for the segmentor "masks".'),
  architecture: configuredArchitecture,
  training: training.prefault({}).describe("How the networks are trained."),
  inference: inference.prefault({}).describe("How the trained model is used; stored in its bundle."),
});

export const configurationSchema: z.ZodType<Configuration, ConfigurationInput> = withCrossFieldRules(configuration) as unknown as z.ZodType<
  Configuration,
  ConfigurationInput
>;
