import { withDecisionHook } from "@hidiff/binary-nn";
import { Generator, greater, cast, type Module, sigmoid, softmax, stateFromPyTorch, type Tensor, tensor, type Tensor4D } from "@hidiff/core-tensor";
import { expect } from "vitest";
import { formula, formulaParameter, toChannelsLast } from "../../../../test/goldens.ts";
import { publishedRefinerName } from "./published-names.ts";
import { Refiner } from "./refiner.ts";
import type { RefinerInputs } from "./refiner.ts";

/** The configuration and numbers of a refiner golden's JSON file. */
export interface RefinerGolden {
  readonly K: number;
  readonly img_channels: number;
  readonly size: number;
  readonly condition_dims: readonly [number, number, number, number];
  readonly model_channels: number;
  readonly batch: number;
  readonly timesteps: readonly number[];
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly train_grad_l2: Readonly<Record<string, number | null>>;
}

/** One decision that the published network made: which, and for each near-threshold element what it decided. */
export interface GoldenDecisions {
  /** 0 or 1 for element `element` of decision `index`, or undefined where it is not recorded. */
  recorded(index: number, element: number): number | undefined;
}

/** The refiner with the goldens' parameters. */
export function goldenRefiner(golden: Omit<RefinerGolden, "train_grad_l2">, precision: "binary" | "real"): Refiner {
  const refiner = new Refiner(
    {
      imageChannels: golden.img_channels,
      classes: golden.K,
      featureChannels: golden.condition_dims,
      baseWidth: golden.model_channels,
      precision,
      tokenOrder: "published",
    },
    new Generator(0),
  );
  loadFormula(refiner, golden.parameters);
  return refiner;
}

/** Fills a module by the goldens' formula. */
export function loadFormula(module: Module, shapes: Readonly<Record<string, readonly number[]>>): void {
  const state = stateFromPyTorch(module, (name) => {
    const published = publishedRefinerName(name);
    const shape = shapes[published];
    return shape === undefined ? undefined : formulaParameter(published, shape);
  });
  module.loadStateDict(state);
}

/** The goldens' inputs, channels last. */
export function goldenInputs(golden: Omit<RefinerGolden, "train_grad_l2" | "parameters">): RefinerInputs {
  const { batch, size, K: classes } = golden;
  const map = (name: string, channels: number, side: number, scale: (u: number) => number = (u) => u): Tensor4D => {
    const values = formula(name, batch * channels * side * side).map(scale);
    return tensor(toChannelsLast(values, [batch, channels, side, side]), [batch, side, side, channels]) as Tensor4D;
  };
  const logits = map("input.logits", classes, size, (u) => 3 * u);
  return {
    image: map("input.img", golden.img_channels, size),
    yt: map("input.y_t", classes, size, (u) => (u > 0 ? 1 : 0)),
    prior: classes === 1 ? sigmoid(logits) : softmax(logits),
    features: golden.condition_dims.map((channels, level) => map(`input.feature${level}`, channels, size / (4 << level))) as unknown as RefinerInputs["features"],
    t: golden.timesteps,
  };
}

/**
 * Runs `action` with the published network's decisions where our own margin lies within 1e-4 of the threshold; anywhere
 * else a different decision fails. (One flipped sign spreads: even PyTorch in another memory layout flips some.)
 */
export function withGoldenDecisions<T>(decisions: GoldenDecisions, action: () => T, onNear?: (index: number, element: number) => void): T {
  let index = 0;
  return withDecisionHook((_kind, margin): Tensor => {
    const own = cast(greater(margin, 0), "float32");
    const decided = Float32Array.from(own.dataSync());
    const margins = margin.dataSync();
    const channelsFirst = channelsFirstIndex(margin.shape);
    for (let i = 0; i < decided.length; i++) {
      const element = channelsFirst(i);
      const theirs = decisions.recorded(index, element);
      if (Math.abs(margins[i]!) < 3e-4) onNear?.(index, element);
      if (theirs === undefined || theirs === decided[i]) continue;
      expect(Math.abs(margins[i]!), `decision ${index}, element ${element}: decided otherwise far from the threshold`).toBeLessThan(1e-4);
      decided[i] = theirs;
    }
    index += 1;
    return tensor(decided, margin.shape);
  }, action);
}

/** From our row-major index to the published one: maps are channels first there, tokens and scores the same. */
function channelsFirstIndex(shape: readonly number[]): (index: number) => number {
  if (shape.length !== 4) return (index) => index;
  const [, height, width, channels] = shape as [number, number, number, number];
  const pixels = height * width;
  return (index) => {
    const channel = index % channels;
    const pixel = Math.floor(index / channels);
    return (Math.floor(pixel / pixels) * channels + channel) * pixels + (pixel % pixels);
  };
}
