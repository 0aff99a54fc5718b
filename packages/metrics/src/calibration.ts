import { MetricsError } from "./errors.ts";

/** One bin of values, and how often the event happened where the value fell into it. */
export interface CalibrationBin {
  /** The bin holds low ≤ value < high; the last one holds its upper end, too. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Undefined in an empty bin, like the rate. */
  readonly meanValue: number | undefined;
  /** The fraction of its values with which the event happened. */
  readonly rate: number | undefined;
}

export interface CalibrationOptions {
  /** Number of bins of equal width, 10 if absent. */
  readonly bins?: number | undefined;
  /** Ends of the range, 0 and 1 if absent. Values beyond belong to the outermost bins. */
  readonly range?: readonly [low: number, high: number] | undefined;
}

/**
 * Counts how often an event happens by a value that should foretell it: of a probability, how often the pixel is foreground;
 * of an uncertainty, how often the label is wrong. Takes the pixels of any number of images one by one.
 */
export class CalibrationCounter {
  readonly #low: number;
  readonly #high: number;
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  readonly #events: Float64Array;

  /** @throws MetricsError `metrics.bins` for less than one bin or an empty range */
  constructor({ bins = 10, range: [low, high] = [0, 1] }: CalibrationOptions = {}) {
    if (!Number.isInteger(bins) || bins < 1 || !(low < high)) {
      throw new MetricsError("metrics.bins", `CalibrationCounter: expected at least one bin over a range that rises, got ${bins} over [${low}, ${high}].`);
    }
    [this.#low, this.#high] = [low, high];
    this.#counts = new Float64Array(bins);
    this.#sums = new Float64Array(bins);
    this.#events = new Float64Array(bins);
  }

  /** @throws MetricsError `metrics.values` if the value is NaN */
  add(value: number, happened: boolean): void {
    if (Number.isNaN(value)) throw new MetricsError("metrics.values", "CalibrationCounter: expected a number, got NaN.");
    const bins = this.#counts.length;
    const bin = Math.min(bins - 1, Math.max(0, Math.floor(((value - this.#low) / (this.#high - this.#low)) * bins)));
    this.#counts[bin]! += 1;
    this.#sums[bin]! += value;
    if (happened) this.#events[bin]! += 1;
  }

  /** All bins in order, the empty ones included. */
  get bins(): CalibrationBin[] {
    const width = (this.#high - this.#low) / this.#counts.length;
    return Array.from(this.#counts, (count, bin) => ({
      low: this.#low + bin * width,
      high: this.#low + (bin + 1) * width,
      count,
      meanValue: count === 0 ? undefined : this.#sums[bin]! / count,
      rate: count === 0 ? undefined : this.#events[bin]! / count,
    }));
  }
}

/**
 * How far probabilities are from the rates they foretell: the mean of |mean value − rate| over the bins, weighted by their
 * counts (Naeini et al. 2015; Guo et al. 2017, equation 3). 0 is best. Undefined without values.
 */
export function expectedCalibrationError(bins: readonly CalibrationBin[]): number | undefined {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return undefined;
  return bins.reduce((sum, { count, meanValue, rate }) => sum + (count === 0 ? 0 : (count / total) * Math.abs(meanValue! - rate!)), 0);
}
