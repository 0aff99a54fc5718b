import type { TrainingReport } from "hidiff";

/** About how long the parts of a demo take, relative to one iteration of the segmentor alone: for the progress bar. */
const costs = { pretraining: 1, alternating: 5, sample: 1.25 } as const;

interface DemoSize {
  readonly pretraining: number;
  readonly alternating: number;
  readonly images: number;
  readonly samples: number;
}

/** How much of the whole demo is done. */
export class DemoWork {
  readonly total: number;
  readonly #size: DemoSize;

  constructor(size: DemoSize) {
    this.#size = size;
    this.total = this.#trained + size.images * size.samples * costs.sample;
  }

  /** @param report of the training */
  training({ phase, iteration }: Pick<TrainingReport, "phase" | "iteration">): number {
    return phase === "pretraining" ? iteration * costs.pretraining : this.#size.pretraining * costs.pretraining + iteration * costs.alternating;
  }

  /** @param images evaluated, with fractions */
  evaluation(images: number): number {
    return this.#trained + images * this.#size.samples * costs.sample;
  }

  get #trained(): number {
    return this.#size.pretraining * costs.pretraining + this.#size.alternating * costs.alternating;
  }
}
