import { ExponentialMovingAverage } from "@hidiff/core-tensor";
import type { HybridModel } from "../model/hybrid-model.ts";

/**
 * Exponential moving averages of what `L_diff` trains, which inference uses: the refiner, and a segmentor whose parameters
 * serve the refiner alone.
 */
export class ModelAverage {
  readonly refiner: ExponentialMovingAverage;
  /** Undefined for a segmentor that is trained by its own loss: inference uses it as it is. */
  readonly segmentor: ExponentialMovingAverage | undefined;
  readonly #model: HybridModel;

  constructor(model: HybridModel, decay: number) {
    this.#model = model;
    this.refiner = new ExponentialMovingAverage(model.refiner, decay);
    this.segmentor = model.segmentor.trainable ? undefined : new ExponentialMovingAverage(model.segmentor, decay);
  }

  /** Takes in the model's present values. */
  update(): void {
    this.refiner.update();
    this.segmentor?.update();
  }

  /** Runs `action` with the averages in the model, then puts the trained values back. */
  with<T>(action: () => T | Promise<T>): Promise<T> {
    return this.refiner.with(() => this.segmentor?.with(action) ?? action());
  }

  /** Replaces the model's values by the averages. */
  apply(): void {
    this.#model.refiner.loadStateDict(this.refiner.stateDict());
    if (this.segmentor !== undefined) this.#model.segmentor.loadStateDict(this.segmentor.stateDict());
  }
}
