import { describe, expect, it } from "vitest";
import { decodeHalves, encodeHalves, overflowsHalf } from "./half-precision.ts";

const patterns = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const isNaN16 = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;

describe("half precision", () => {
  it("gives back every number that it holds", () => {
    const found = encodeHalves(decodeHalves(patterns));
    const wrong = patterns.filter((bits) => (isNaN16(bits) ? !isNaN16(found[bits]!) : found[bits] !== bits));
    expect([...wrong]).toEqual([]);
  });

  it("rounds to the nearest, ties to the even one, between any two neighbours", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = decodeHalves(Uint16Array.of(bits, bits + 1)) as unknown as [number, number];
      const middle = (low + high) / 2; // exact in single precision
      const nearby = middle * 2 ** -23;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const found = encodeHalves(Float32Array.of(middle - nearby, middle, middle + nearby, -middle));
      if (found[0] !== bits || found[1] !== even || found[2] !== bits + 1 || found[3] !== (even | 0x8000)) {
        expect([...found], `between ${low} and ${high}`).toEqual([bits, even, bits + 1, even | 0x8000]);
      }
    }
  });

  // numpy.float16 says the same: 65519.996 is 65504, 65520 is infinite
  it("ends half a step above its largest number", () => {
    expect([...encodeHalves(Float32Array.of(65519.996, 65520, -65520, Infinity))]).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7c00]);
    expect([65519.996, 65520, -1e30, Infinity, NaN].map(overflowsHalf)).toEqual([false, true, true, false, false]);
  });

  it("keeps the sign of zero, and of what becomes zero", () => {
    expect([...encodeHalves(Float32Array.of(0, -0, 1e-9, -1e-9))]).toEqual([0, 0x8000, 0, 0x8000]);
  });
});
