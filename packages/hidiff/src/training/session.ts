import { AdamW, ExponentialMovingAverage, Generator, HidiffError, type HostTensor, type StateDict } from "@hidiff/core-tensor";
import type { TrainingOptions } from "../config/schema.ts";
import { type HybridModel, underPrefix, withPrefix } from "../model/hybrid-model.ts";

/** How far a training has come: completed iterations of each phase. */
export interface TrainingProgress {
  readonly pretraining: number;
  readonly alternating: number;
}

const prefixes = {
  segmentor: "segmentor.",
  refiner: "refiner.",
  average: "average.",
  segmentorOptimizer: "segmentorOptimizer.",
  refinerOptimizer: "refinerOptimizer.",
} as const;

/**
 * Everything that a training changes: the model, its optimizers, the averages and the progress. What a step draws at
 * random depends on the seed and its number alone, so that a resumed run equals an uninterrupted one.
 */
export class TrainingSession {
  readonly model: HybridModel;
  readonly options: TrainingOptions;
  readonly average: ExponentialMovingAverage;
  readonly refinerOptimizer: AdamW;
  /** Of the present phase: alternation starts with new moments. */
  segmentorOptimizer: AdamW;
  progress: TrainingProgress = { pretraining: 0, alternating: 0 };
  readonly #generator: Generator;

  constructor(model: HybridModel, options: TrainingOptions) {
    const { weightDecay, averageDecay, seed } = options;
    this.model = model;
    this.options = options;
    this.#generator = new Generator(seed);
    this.average = new ExponentialMovingAverage(model.refiner, averageDecay);
    this.segmentorOptimizer = new AdamW(model.segmentor.parameters(), { weightDecay });
    this.refinerOptimizer = new AdamW(model.refiner.parameters(), { weightDecay });
  }

  /** The generator of one step. */
  generator(phase: keyof TrainingProgress, step: number): Generator {
    return this.#generator.split(`${phase}/${step}`);
  }

  /** Gives the segmentor's optimizer new moments, for the next phase. */
  restartSegmentorOptimizer(): void {
    this.segmentorOptimizer = new AdamW(this.model.segmentor.parameters(), { weightDecay: this.options.weightDecay });
  }

  /** All arrays of a checkpoint. */
  stateDict(): StateDict {
    return new Map<string, HostTensor>([
      ...withPrefix(prefixes.segmentor, this.model.segmentor.stateDict()),
      ...withPrefix(prefixes.refiner, this.model.refiner.stateDict()),
      ...withPrefix(prefixes.average, this.average.stateDict()),
      ...withPrefix(prefixes.segmentorOptimizer, this.segmentorOptimizer.stateDict()),
      ...withPrefix(prefixes.refinerOptimizer, this.refinerOptimizer.stateDict()),
      ["averageUpdates", { shape: [1], data: Float32Array.of(this.average.updates) }],
    ]);
  }

  /**
   * Continues where {@link stateDict} was taken.
   *
   * @throws HidiffError `state.mismatch`, `ema.state` or `adamw.state` for the arrays of another architecture; nothing has
   * changed then
   */
  restore(state: ReadonlyMap<string, HostTensor>, progress: TrainingProgress): void {
    const before = this.stateDict();
    try {
      this.#load(state);
    } catch (error) {
      this.#load(before);
      throw error;
    }
    this.progress = progress;
  }

  #load(state: ReadonlyMap<string, HostTensor>): void {
    const updates = state.get("averageUpdates")?.data[0];
    if (updates === undefined) {
      throw new HidiffError("state.mismatch", "This is no training checkpoint: it has no averages. Give the file that training wrote.");
    }
    this.model.segmentor.loadStateDict(underPrefix(prefixes.segmentor, state), "checkpoint's segmentor");
    this.model.refiner.loadStateDict(underPrefix(prefixes.refiner, state), "checkpoint's refiner");
    this.average.restore(underPrefix(prefixes.average, state), updates);
    this.segmentorOptimizer.loadStateDict(underPrefix(prefixes.segmentorOptimizer, state));
    this.refinerOptimizer.loadStateDict(underPrefix(prefixes.refinerOptimizer, state));
  }
}
