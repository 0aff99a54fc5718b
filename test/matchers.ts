import { expect } from "vitest";

type Numbers = ArrayLike<number>;

declare module "vitest" {
  interface Matchers<T> {
    /** Every element within `absolute + relative·|expected|`; the message names the first that is not, and the largest error. */
    toBeAllClose(expected: Numbers, tolerance: { absolute?: number; relative?: number }): T;
  }
}

expect.extend({
  toBeAllClose(received: Numbers, expected: Numbers, { absolute = 0, relative = 0 }: { absolute?: number; relative?: number }) {
    if (received.length !== expected.length) {
      return { pass: false, message: () => `expected ${expected.length} elements, got ${received.length}` };
    }
    let first = -1;
    let largest = 0;
    for (let i = 0; i < expected.length; i++) {
      const error = Math.abs(received[i]! - expected[i]!);
      if (!(error <= absolute + relative * Math.abs(expected[i]!)) && first < 0) first = i;
      if (!(error <= largest)) largest = error;
    }
    return {
      pass: first < 0,
      message: () =>
        `element ${first} is ${received[first]}, expected ${expected[first]} (±${absolute} ±${relative}·|expected|); the largest error is ${largest}`,
    };
  },
});
