import { createBernoulliProcess } from "@hidiff/bernoulli-diffusion";
import { Generator, tensor4d, tidy } from "@hidiff/core-tensor";
import { preprocess, syntheticFundus } from "@hidiff/datasets";
import { confusionCounts, dice } from "@hidiff/metrics";
import { type RefinementStep, segment } from "hidiff";
import { loadBundle } from "hidiff/node";
import { dataUrl } from "./pictures.ts";
import { figure, picture, text } from "./svg.ts";

/** An image with a small trained model's view of it. */
interface Example {
  readonly side: number;
  readonly image: Float32Array;
  readonly truth: Uint8Array;
  readonly prior: Float32Array;
  readonly probability: Float32Array;
  readonly uncertainty: Float32Array;
  readonly steps: readonly RefinementStep[];
}

/** Refines a drawn image that a model of `hidiff demo` has not seen. */
export async function refinedExample(bundle: string): Promise<Example> {
  const hidiff = await loadBundle(bundle);
  const { preprocessing, inference } = hidiff.manifest;
  const side = inference.window;
  const dataset = syntheticFundus({ count: { train: 0, validation: 0, test: 1 }, size: side, seed: 5 });
  const { image: photograph, labels } = await dataset.load("test-0");
  const { image } = preprocess(photograph, preprocessing.steps);
  const data = image.slice(0);
  const steps: RefinementStep[] = [];
  // Between the paper's 1 and the demo's 0.1: the noise is seen, and most of it goes.
  const options = { ...inference, temperature: 0.3, samples: 8, seed: 1, onStep: (step: RefinementStep) => void steps.push(step) };
  const { prior, probability, uncertainty } = await segment(hidiff.model, { height: side, width: side, channels: 3, outside: image.outside, data }, options);
  hidiff.dispose();
  return { side, image: data, truth: labels.slice(0) as Uint8Array, prior, probability, uncertainty: uncertainty!, steps };
}

const size = 108;
const gap = 12;
const columnX = (index: number): number => 24 + index * (size + gap);

/** The forward process, from the true mask to the segmentor's prior: its means and a sample of each. */
export async function forwardProcess({ side, truth, prior }: Example): Promise<string> {
  const process = createBernoulliProcess({ schedule: "cosine", steps: 10 });
  const generator = new Generator("forward");
  const shown = [2, 5, 7, 8, 9];
  const parts = [text(24, 30, "Means ᾱₜ·y₀ + (1 − ᾱₜ)·f(x)", "bold"), text(24, 30 + size + 52, "Samples yₜ", "bold")];
  const [top, bottom] = [42, 42 + size + 52];
  parts.push(picture(columnX(0), top, size, await dataUrl(truth, side)), text(columnX(0) + size / 2, top + size + 18, "true mask y₀", "middle small"));
  for (const [index, t] of shown.entries()) {
    const [mean, sample] = tidy(() => {
      const [y0, f] = [truth, prior].map((values) => tensor4d(Float32Array.from(values), [1, side, side, 1]));
      return [process.qMean(y0!, f!, [t]).dataSync(), process.qSample(y0!, f!, [t], generator).dataSync()] as const;
    });
    parts.push(picture(columnX(index + 1), top, size, await dataUrl(mean, side)));
    parts.push(text(columnX(index + 1) + size / 2, top + size + 18, `t = ${t}, ᾱ = ${process.alphaBars[t]!.toFixed(2)}`, "middle small"));
    parts.push(picture(columnX(index + 1), bottom, size, await dataUrl(sample, side)));
  }
  parts.push(picture(columnX(6), top, size, await dataUrl(prior, side)), text(columnX(6) + size / 2, top + size + 18, "prior f(x)", "middle small"));
  return figure({ width: columnX(7) + gap, height: bottom + size + 24 }, "The forward process: a true mask becomes a sample of the segmentor's prior in ten steps", parts);
}

/** Refinement, from the prior to the result: the latent masks, and the mask that is estimated at each step. */
export async function reverseProcess({ side, image, truth, prior, probability, uncertainty, steps }: Example): Promise<string> {
  const score = (values: ArrayLike<number>): string => dice(confusionCounts(Uint8Array.from(values, (value) => (value > 0.5 ? 1 : 0)), truth))!.toFixed(3);
  const shown = steps.filter(({ t }) => [9, 7, 5, 3, 1, 0].includes(t));
  const rows = [42, 42 + size + 68, 42 + 2 * (size + 64)] as const;
  const parts = [text(24, 30, "What it starts from, and what comes out", "bold"), text(24, rows[1] - 12, "One of the chains: its masks yₜ", "bold"), text(24, rows[2] - 12, "and the true mask that the refiner estimates from each of them, ŷ₀", "bold")];
  const first: readonly (readonly [string, string, ArrayLike<number>])[] = [
    ["image x", "", image],
    ["prior f(x)", `Dice ${score(prior)}`, prior],
    ["mean of 8 chains", `Dice ${score(probability)}`, probability],
    ["uncertainty", "white: variance 0.25", uncertainty.map((variance) => 4 * variance)],
    ["true mask", "", truth],
  ];
  for (const [index, [label, note, values]] of first.entries()) {
    parts.push(picture(columnX(index), rows[0], size, await dataUrl(values, side)), text(columnX(index) + size / 2, rows[0] + size + 16, label, "middle small"));
    parts.push(text(columnX(index) + size / 2, rows[0] + size + 30, note, "middle small muted"));
  }
  for (const [index, { t, yt, y0Hat }] of shown.entries()) {
    parts.push(picture(columnX(index), rows[1], size, await dataUrl(yt, side)), text(columnX(index) + size / 2, rows[1] + size + 16, `t = ${t}`, "middle small"));
    parts.push(picture(columnX(index), rows[2], size, await dataUrl(y0Hat, side)));
  }
  return figure({ width: columnX(6) + gap, height: rows[2] + size + 24 }, "Refinement of a drawn retina by the small model of the demo, step by step", parts);
}
