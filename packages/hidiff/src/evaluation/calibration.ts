import type { ImageStack } from "@hidiff/datasets";
import { type CalibrationBin, CalibrationCounter, expectedCalibrationError } from "@hidiff/metrics";
import type { EvaluatedCase } from "./evaluate.ts";
import type { MaskSource } from "./report.ts";

/** Whether probabilities hold: bins of the probability with the rate at which it came true. */
export interface Reliability {
  readonly bins: readonly CalibrationBin[];
  /** Undefined without pixels. */
  readonly expectedCalibrationError: number | undefined;
}

/** How far a model's probabilities and its uncertainty can be trusted, over all pixels that count. */
export interface CalibrationReport extends Readonly<Record<MaskSource, Reliability>> {
  /** Bins of the uncertainty with the rate of wrong labels; undefined for models that ran with one sample. */
  readonly uncertainty: readonly CalibrationBin[] | undefined;
}

/** The largest standard deviation of numbers in [0, 1]. */
const largestDeviation = 0.5;

/**
 * Collects from evaluated cases how well probabilities foretell the truth and uncertainty the errors. Models of one class:
 * the probability of the foreground against the truth. Models of several: the probability of the most probable class
 * against whether the label is right. The uncertainty is the standard deviation over the samples, of several classes the
 * largest.
 */
export class CalibrationCollector {
  /** The maps that `evaluateDataset` must keep for it. */
  static readonly maps = ["probability", "uncertainty", "prior"] as const;
  readonly #probabilities: Readonly<Record<MaskSource, CalibrationCounter>> = { prior: new CalibrationCounter(), refined: new CalibrationCounter() };
  #uncertainty: CalibrationCounter | undefined;

  /** @param evaluated with the maps `probability` and `prior`, and `uncertainty` where there are several samples */
  add({ segmentation, truth, region }: EvaluatedCase): void {
    const { depth, height, width, labels, priorLabels, probability, prior, uncertainty } = segmentation;
    const size = height * width;
    if (uncertainty !== undefined) this.#uncertainty ??= new CalibrationCounter({ range: [0, largestDeviation] });
    for (let index = 0; index < depth; index++) {
      const [start, end] = [index * size, (index + 1) * size];
      const part = (values: Uint8Array): Uint8Array => values.subarray(start, end);
      const slice = { truth: part(truth), region: region === undefined ? undefined : part(region) };
      addProbabilities(this.#probabilities.refined, probability, index, { ...slice, labels: part(labels) });
      addProbabilities(this.#probabilities.prior, prior, index, { ...slice, labels: part(priorLabels) });
      if (uncertainty === undefined) continue;
      forEachLargest(uncertainty, index, slice.region, (variance, pixel) => {
        this.#uncertainty!.add(Math.sqrt(variance), labels[start + pixel] !== truth[start + pixel]);
      });
    }
  }

  report(): CalibrationReport {
    const reliability = ({ bins }: CalibrationCounter): Reliability => ({ bins, expectedCalibrationError: expectedCalibrationError(bins) });
    const { prior, refined } = this.#probabilities;
    return { prior: reliability(prior), refined: reliability(refined), uncertainty: this.#uncertainty?.bins };
  }
}

interface SliceLabels {
  readonly labels: Uint8Array;
  readonly truth: Uint8Array;
  readonly region: Uint8Array | undefined;
}

function addProbabilities(counter: CalibrationCounter, map: ImageStack | undefined, index: number, { labels, truth, region }: SliceLabels): void {
  if (map === undefined) return;
  const binary = map.channels === 1;
  forEachLargest(map, index, region, (value, pixel) => counter.add(value, binary ? truth[pixel] !== 0 : labels[pixel] === truth[pixel]));
}

/** Calls `use` with the largest value over the channels of each pixel of a slice, within the region. */
function forEachLargest(map: ImageStack, index: number, region: Uint8Array | undefined, use: (value: number, pixel: number) => void): void {
  const { height, width, channels } = map;
  const values = map.slice(index);
  for (let pixel = 0; pixel < height * width; pixel++) {
    if (region?.[pixel] === 0) continue;
    let largest = values[pixel * channels]!;
    for (let channel = 1; channel < channels; channel++) largest = Math.max(largest, values[pixel * channels + channel]!);
    use(largest, pixel);
  }
}
