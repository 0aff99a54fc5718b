import type { AugmentationOptions, SplitName } from "@hidiff/datasets";
import type { TrainingProgress } from "../../training/session.ts";
import type { MeasuredTime, MemoryEstimate } from "./measure-training.ts";

/** Seconds: what is likely, and between what, as far as the measurements spread. */
export interface EstimatedTime {
  readonly likely: number;
  readonly least: number;
  readonly most: number;
}

export interface PlannedNetwork {
  readonly name: string;
  readonly parameters: number;
  /** Of the parameters and running statistics as the training has them. */
  readonly bytes: number;
  readonly trained: boolean;
}

export interface PlannedPhase {
  readonly name: keyof TrainingProgress;
  readonly iterations: number;
  /** Batches in all, of which each update of the refiner takes one of its own. */
  readonly batches: number;
  /** How often each training image or slice is seen on average. */
  readonly epochs: number;
  /** Of one iteration; undefined for a phase without any. */
  readonly iterationSeconds: MeasuredTime | undefined;
  /** Of the phase's iterations. */
  readonly seconds: EstimatedTime;
}

/** What a training would do, and what it takes. */
export interface TrainingPlan {
  readonly dataset: {
    readonly name: string;
    readonly imageChannels: number;
    readonly classes: number;
    readonly classNames: readonly string[];
    /** For volumes a sample is a slice, else an image. */
    readonly volumes: boolean;
    readonly splits: Readonly<Record<SplitName, { readonly cases: number; readonly samples: number }>>;
    /** A sentence a step. */
    readonly preprocessing: readonly string[];
    readonly notes: readonly string[];
  };
  readonly networks: { readonly segmentor: PlannedNetwork; readonly refiner: PlannedNetwork };
  readonly batch: { readonly size: number; readonly microBatchSize: number; readonly cropSize: number };
  readonly augmentation: AugmentationOptions;
  readonly phases: readonly PlannedPhase[];
  readonly validation: {
    /** Looks at crops in all, and how many crops each takes. */
    readonly looks: number;
    readonly crops: number;
    /** Which split they are of. */
    readonly split: SplitName;
    readonly cropSeconds: MeasuredTime | undefined;
    /** Of all looks and pictures. */
    readonly seconds: EstimatedTime;
  };
  /** Which parameters the bundle will get. */
  readonly selection: string;
  readonly files: {
    readonly checkpointInterval: number;
    readonly checkpointBytes: number;
    /** The networks of the bundle; its packed refiner adds some percent. */
    readonly bundleBytes: number;
    /** Preprocessed slices of volumes, from the size of the first one; 0 where none are kept. */
    readonly sliceBytes: number;
  };
  readonly measurement: {
    /** How many crops an iteration was measured with. */
    readonly batchSize: number;
    /** Without the images that are kept. */
    readonly memory: MemoryEstimate | undefined;
  };
  /** Everything but the reading of the data, which goes on beside it. */
  readonly seconds: EstimatedTime;
}
