import { AdamW, Generator, HidiffError, type HostTensor, type NamedParameter, type StateDict } from "@hidiff/core-tensor";
import type { TrainingOptions } from "../config/schema.ts";
import { type HybridModel, underPrefix, withPrefix } from "../model/hybrid-model.ts";
import { type LookHistory, noLooks, withLook } from "./look-history.ts";
import { ModelAverage } from "./model-average.ts";

/** How far a training has come: completed iterations of each phase. */
export interface TrainingProgress {
  readonly pretraining: number;
  readonly alternating: number;
}

const prefixes = {
  segmentor: "segmentor.",
  refiner: "refiner.",
  average: "average.",
  segmentorAverage: "segmentorAverage.",
  segmentorOptimizer: "segmentorOptimizer.",
  refinerOptimizer: "refinerOptimizer.",
} as const;

/**
 * Everything that a training changes: the model, its optimizers, the averages, the progress and what validation showed. What a step draws at
 * random depends on the seed and its number alone, so that a resumed run equals an uninterrupted one.
 */
export class TrainingSession {
  readonly model: HybridModel;
  readonly options: TrainingOptions;
  readonly average: ModelAverage;
  /** What `L_diff` updates with the segmentor frozen: the refiner, and the parameters of a segmentor that serve it alone. */
  readonly refinerParameters: readonly NamedParameter[];
  readonly refinerOptimizer: AdamW;
  /** Of the present phase: alternation starts with new moments. Without parameters if the segmentor cannot be trained. */
  segmentorOptimizer: AdamW;
  progress: TrainingProgress = { pretraining: 0, alternating: 0 };
  looks: LookHistory = noLooks;
  readonly #generator: Generator;

  constructor(model: HybridModel, options: TrainingOptions) {
    const { weightDecay, averageDecay, seed } = options;
    const { segmentor, refiner } = model;
    this.model = model;
    this.options = options;
    this.#generator = new Generator(seed);
    this.average = new ModelAverage(model, averageDecay);
    this.refinerParameters = [...refiner.parameters(), ...(segmentor.trainable ? [] : segmentor.parameters(prefixes.segmentor))];
    this.refinerOptimizer = new AdamW(this.refinerParameters, { weightDecay });
    this.segmentorOptimizer = newSegmentorOptimizer(model, options);
  }

  /** The generator of one step. */
  generator(phase: keyof TrainingProgress, step: number): Generator {
    return this.#generator.split(`${phase}/${step}`);
  }

  /** Gives the segmentor's optimizer new moments, for the next phase. */
  restartSegmentorOptimizer(): void {
    this.segmentorOptimizer = newSegmentorOptimizer(this.model, this.options);
  }

  /**
   * Takes note of a look at validation images, now, during the alternation.
   *
   * @returns whether it is the best one so far
   */
  recordLook(refinedDice: number): boolean {
    const look = { iteration: this.progress.alternating, refinedDice };
    this.looks = withLook(this.looks, look, this.options.earlyStopping?.minimumImprovement ?? 0);
    return this.looks.best === look;
  }

  /** Whether `earlyStopping` ends the alternation here. */
  get stopsEarly(): boolean {
    const { earlyStopping } = this.options;
    return earlyStopping !== undefined && this.looks.looksWithoutImprovement >= earlyStopping.patience;
  }

  /** Whether both phases have ended. */
  get isComplete(): boolean {
    const { pretraining, alternating } = this.options;
    return this.progress.pretraining >= pretraining.iterations && (this.progress.alternating >= alternating.iterations || this.stopsEarly);
  }

  /** What inference uses: the segmentor and the averages, under the prefixes of {@link stateDict}. */
  inferenceStateDict(): StateDict {
    return new Map<string, HostTensor>([
      ...withPrefix(prefixes.segmentor, this.average.segmentor?.stateDict() ?? this.model.segmentor.stateDict()),
      ...withPrefix(prefixes.refiner, this.average.refiner.stateDict()),
    ]);
  }

  /** All arrays of a checkpoint. */
  stateDict(): StateDict {
    return new Map<string, HostTensor>([
      ...withPrefix(prefixes.segmentor, this.model.segmentor.stateDict()),
      ...withPrefix(prefixes.refiner, this.model.refiner.stateDict()),
      ...withPrefix(prefixes.average, this.average.refiner.stateDict()),
      ...withPrefix(prefixes.segmentorAverage, this.average.segmentor?.stateDict() ?? new Map()),
      ...withPrefix(prefixes.segmentorOptimizer, this.segmentorOptimizer.stateDict()),
      ...withPrefix(prefixes.refinerOptimizer, this.refinerOptimizer.stateDict()),
      ["averageUpdates", { shape: [1], data: Float32Array.of(this.average.refiner.updates) }],
    ]);
  }

  /**
   * Continues where {@link stateDict} was taken.
   *
   * @throws HidiffError `state.mismatch`, `ema.state` or `adamw.state` for the arrays of another architecture; nothing has
   * changed then
   */
  restore(state: ReadonlyMap<string, HostTensor>, progress: TrainingProgress, looks: LookHistory = noLooks): void {
    const before = this.stateDict();
    try {
      this.#load(state);
    } catch (error) {
      this.#load(before);
      throw error;
    }
    this.progress = progress;
    this.looks = looks;
  }

  #load(state: ReadonlyMap<string, HostTensor>): void {
    const updates = state.get("averageUpdates")?.data[0];
    if (updates === undefined) {
      throw new HidiffError("state.mismatch", "This is no training checkpoint: it has no averages. Give the file that training wrote.");
    }
    this.model.segmentor.loadStateDict(underPrefix(prefixes.segmentor, state), "checkpoint's segmentor");
    this.model.refiner.loadStateDict(underPrefix(prefixes.refiner, state), "checkpoint's refiner");
    this.average.refiner.restore(underPrefix(prefixes.average, state), updates);
    this.average.segmentor?.restore(underPrefix(prefixes.segmentorAverage, state), updates);
    this.segmentorOptimizer.loadStateDict(underPrefix(prefixes.segmentorOptimizer, state));
    this.refinerOptimizer.loadStateDict(underPrefix(prefixes.refinerOptimizer, state));
  }
}

/** Puts what {@link TrainingSession.inferenceStateDict} gave into a model. Throws HidiffError `state.mismatch`. */
export function loadInferenceState({ segmentor, refiner }: HybridModel, state: ReadonlyMap<string, HostTensor>): void {
  segmentor.loadStateDict(underPrefix(prefixes.segmentor, state), "best segmentor");
  refiner.loadStateDict(underPrefix(prefixes.refiner, state), "best refiner");
}

function newSegmentorOptimizer({ segmentor }: HybridModel, { weightDecay }: TrainingOptions): AdamW {
  return new AdamW(segmentor.trainable ? segmentor.parameters() : [], { weightDecay });
}
