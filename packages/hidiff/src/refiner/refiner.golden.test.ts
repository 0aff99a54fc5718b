import { concat, type Mode, tensor, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { toChannelsLast } from "../../../../test/goldens.ts";
import { type Golden, readFixture, readFullGolden, withoutGoldens } from "./golden-sources.ts";
import {
  type CrossGoldenConfiguration,
  crossSubject,
  type GoldenSubject,
  publishedShapes,
  type RefinerGoldenConfiguration,
  refinerInputs,
  refinerSubject,
  runGolden,
} from "./golden-support.ts";

beforeAll(useTestBackend);

const precisions = ["binary", "real"] as const;

function expectOutput(golden: Golden<unknown>, subject: GoldenSubject): void {
  const { output } = runGolden(subject, "eval", golden.decisions("eval"));
  const { elements, values } = golden.output("eval");
  expect(elements.map((element) => output[element]!)).toBeAllClose(values, { absolute: 1e-4 });
  subject.module.dispose();
}

function expectTraining(golden: Golden<unknown>, subject: GoldenSubject): void {
  const { output, gradientNorms } = runGolden(subject, "train", golden.decisions("train"));
  const { elements, values } = golden.output("train");
  expect(elements.map((element) => output[element]!)).toBeAllClose(values, { absolute: 1e-4 });
  const names = [...gradientNorms.keys()];
  const norms = golden.gradientNorms(names);
  // Biases before a batch normalization have a gradient that is zero but for rounding, and what rounding leaves grows with
  // the gradients that cancel: 2.2e-4 where the largest norm is 168 (WASM sums one by one; the native backend stays below 1e-4).
  const rounding = Math.max(1e-4, 2e-6 * Math.max(...norms));
  norms.forEach((expected, index) => {
    const norm = gradientNorms.get(names[index]!)!;
    expect(Math.abs(norm - expected), `${names[index]}: ${norm}, expected ${expected}`).toBeLessThan(0.02 * expected + rounding);
  });
  subject.module.dispose();
}

/** The published state holds counters and, in each feed-forward, a normalization that is not used. */
const unused = /num_batches_tracked|layernorm_before/;

function expectPublishedState(parameters: Readonly<Record<string, readonly number[]>>, { module }: GoldenSubject): void {
  const expected = Object.entries(parameters).filter(([name]) => !unused.test(name));
  expect(Object.fromEntries(publishedShapes(module))).toEqual(Object.fromEntries(expected));
  module.dispose();
}

describe.each(precisions)("the published refiner, %s", (precision) => {
  const name = `refiner_k4_s64_${precision}`;
  const fixture = (): Golden<RefinerGoldenConfiguration> => readFixture(name);
  const full = (): ReturnType<typeof readFullGolden<RefinerGoldenConfiguration>> => readFullGolden(name, "eps");

  it("gives its output in evaluation mode (sampled)", () => {
    const golden = fixture();
    expectOutput(golden, refinerSubject(golden.configuration, precision));
  });

  it("gives its output and gradient norms in training mode (sampled)", () => {
    const golden = fixture();
    expectTraining(golden, refinerSubject(golden.configuration, precision));
  });

  it.skipIf(withoutGoldens !== "")(`has its parameters and buffers${withoutGoldens}`, () => {
    const { configuration } = full();
    expectPublishedState(configuration.parameters, refinerSubject(configuration, precision));
  });

  it.skipIf(withoutGoldens !== "")(`gives its whole output in evaluation mode${withoutGoldens}`, () => {
    const golden = full();
    expectOutput(golden, refinerSubject(golden.configuration, precision));
  });

  it.skipIf(withoutGoldens !== "")(`gives its whole output and gradient norms in training mode${withoutGoldens}`, () => {
    const golden = full();
    expectTraining(golden, refinerSubject(golden.configuration, precision));
  });

  it.skipIf(withoutGoldens !== "")(`agrees from tap to tap${withoutGoldens}`, () => {
    const golden = full();
    const { module: refiner } = refinerSubject(golden.configuration, precision);
    const mode: Mode = { training: false };
    const tap = (tapName: string, channels: number, side: number): Tensor4D =>
      tensor(toChannelsLast(golden.tap(tapName), [2, channels, side, side]), [2, side, side, channels]) as Tensor4D;
    const expectTap = (tapName: string, output: Tensor4D): void => {
      const [, side, , channels] = output.shape;
      const expected = tap(tapName, channels, side).dataSync();
      const own = output.dataSync();
      if (precision === "real") {
        expect(own, tapName).toBeAllClose(expected, { absolute: 1e-4 });
      } else {
        const near = own.filter((value, index) => Math.abs(value - expected[index]!) < 1e-3).length;
        expect(near / expected.length, tapName).toBeGreaterThanOrEqual(0.98);
      }
    };
    tidy(() => {
      const { image, yt, prior, features, t } = refinerInputs(golden.configuration);
      const time = refiner.conditioning(t);
      const { encoders, concats, downs, ups, decoders } = refiner;

      expectTap("input_conv", refiner.stem.forward(concat([image, yt, prior], 3)));
      expectTap("block1_conv", encoders[0]!.forward(tap("input_conv", 32, 64), time, mode));
      expectTap("block1_down", downs[0]!.forward(tap("block1_conv", 32, 64), time, mode));
      const skip2 = encoders[1]!.forward(tap("block1_down", 32, 32), time, mode);
      expectTap("block2_down", downs[1]!.forward(skip2, time, mode));
      const encoded3 = encoders[2]!.forward(tap("block2_down", 64, 16), time, mode);
      expectTap("concat1", concats[0]!.forward(encoded3, features[0], time, mode));
      const encoded4 = encoders[3]!.forward(downs[2]!.forward(tap("concat1", 64, 16), time, mode), time, mode);
      const skip4 = concats[1]!.forward(encoded4, features[1], time, mode);
      const encoded5 = encoders[4]!.forward(downs[3]!.forward(skip4, time, mode), time, mode);
      expectTap("concat3", concats[2]!.forward(encoded5, features[2], time, mode));
      expectTap("middle_block1", refiner.middle1.forward(downs[4]!.forward(tap("concat3", 128, 4), time, mode), time, mode));
      expectTap("cross1", refiner.crossTransformer!.forward(tap("middle_block1", 128, 2), features[3], time, mode));
      expectTap("up_block1_up", ups[0]!.forward(refiner.middle2.forward(tap("cross1", 128, 2), time, mode), time, mode));

      const skips = [tap("concat3", 128, 4), skip4, tap("concat1", 64, 16), skip2, tap("block1_conv", 32, 64)];
      let hidden = tap("up_block1_up", 128, 4);
      skips.forEach((skip, index) => {
        if (index > 0) hidden = ups[index]!.forward(hidden, time, mode);
        hidden = decoders[index]!.forward(concat([hidden, skip], 3) as Tensor4D, time, mode);
      });
      expectTap("up_block5_conv", hidden);
      expectTap("out", refiner.headConvolution.forward(refiner.headNorm.forward(tap("up_block5_conv", 32, 64))));
    });
    refiner.dispose();
  });
});

describe.each(precisions)("the published cross-transformer, %s", (precision) => {
  const name = `cross_w128_t8_${precision}`;
  const fixture = (): Golden<CrossGoldenConfiguration> => readFixture(name);
  const full = (): ReturnType<typeof readFullGolden<CrossGoldenConfiguration>> => readFullGolden(name, "output.tokens");

  it("gives its tokens in evaluation mode (sampled)", () => {
    const golden = fixture();
    expectOutput(golden, crossSubject(golden.configuration, precision));
  });

  it("gives its tokens and gradient norms in training mode (sampled)", () => {
    const golden = fixture();
    expectTraining(golden, crossSubject(golden.configuration, precision));
  });

  it.skipIf(withoutGoldens !== "")(`has its parameters and buffers${withoutGoldens}`, () => {
    const { configuration } = full();
    expectPublishedState(configuration.parameters, crossSubject(configuration, precision));
  });

  it.skipIf(withoutGoldens !== "")(`gives all its tokens in evaluation mode${withoutGoldens}`, () => {
    const golden = full();
    expectOutput(golden, crossSubject(golden.configuration, precision));
  });

  it.skipIf(withoutGoldens !== "")(`gives all its tokens and gradient norms in training mode${withoutGoldens}`, () => {
    const golden = full();
    expectTraining(golden, crossSubject(golden.configuration, precision));
  });
});
