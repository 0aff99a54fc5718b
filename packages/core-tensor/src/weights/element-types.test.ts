import { describe, expect, it } from "vitest";
import { sizeOfType, toFloats, typeFromNumpy } from "./element-types.ts";

function fail(what: string): never {
  throw new Error(what);
}

describe("toFloats", () => {
  it("gives every finite number of half precision and of bfloat16 its value", () => {
    const halves = toFloats("F16", Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer, fail);
    const brains = toFloats("BF16", Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer, fail);
    // Sign, exponent of `exponentBits` and fraction, as IEEE 754 reads them.
    const value = (bits: number, exponentBits: number): number => {
      const fractionBits = 15 - exponentBits;
      const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
      const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
      const bias = 2 ** (exponentBits - 1) - 1;
      const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : exponent === 2 * bias + 1 ? (fraction === 0 ? Infinity : NaN) : (1 + fraction) * 2 ** (exponent - bias);
      return bits >> 15 === 1 ? -magnitude : magnitude;
    };
    for (let bits = 0; bits < 65536; bits++) {
      if (!Object.is(halves[bits], value(bits, 5))) expect(halves[bits], `half ${bits}`).toBe(value(bits, 5));
      if (!Object.is(brains[bits], value(bits, 8))) expect(brains[bits], `bfloat16 ${bits}`).toBe(value(bits, 8));
    }
  });

  it.each<[string, ArrayBuffer, number[]]>([
    ["F64", Float64Array.of(0.1, 1e39, -1e-50, NaN).buffer, [Math.fround(0.1), Infinity, -0, NaN]],
    ["F32", Float32Array.of(0.1, -0).buffer, [Math.fround(0.1), -0]],
    ["I64", BigInt64Array.of(-16777216n, 16777216n).buffer, [-16777216, 16777216]],
    ["I32", Int32Array.of(-16777216, 5).buffer, [-16777216, 5]],
    ["I16", Int16Array.of(-32768).buffer, [-32768]],
    ["I8", Int8Array.of(-128).buffer, [-128]],
    ["U64", BigUint64Array.of(16777216n).buffer, [16777216]],
    ["U32", Uint32Array.of(16777216).buffer, [16777216]],
    ["U16", Uint16Array.of(65535).buffer, [65535]],
    ["U8", Uint8Array.of(255).buffer, [255]],
    ["BOOL", Uint8Array.of(0, 1, 255).buffer, [0, 1, 1]],
  ])("reads %s", (dtype, bytes, expected) => {
    expect(Array.from(toFloats(dtype, bytes, fail))).toEqual(expected);
    expect(bytes.byteLength % sizeOfType(dtype)!).toBe(0);
  });

  it("refuses integers that are not exact, even where they could be, and other types", () => {
    expect(() => toFloats("U64", BigUint64Array.of(2n ** 64n - 1n).buffer, fail)).toThrow("the integer 18446744073709551615");
    expect(() => toFloats("I64", BigInt64Array.of(-(2n ** 63n)).buffer, fail)).toThrow("the integer -9223372036854775808");
    expect(() => toFloats("U32", Uint32Array.of(2 ** 25).buffer, fail)).toThrow("the integer 33554432");
    for (const dtype of ["C64", "F8_E4M3", "text"]) expect(() => toFloats(dtype, new ArrayBuffer(8), fail)).toThrow(`elements of type ${dtype} are not supported`);
  });
});

it("typeFromNumpy knows NumPy's numbers", () => {
  expect(["f2", "f4", "f8", "b1", "u1", "i8"].map(typeFromNumpy)).toEqual(["F16", "F32", "F64", "BOOL", "U8", "I64"]);
  for (const other of ["c8", "O", "U3", "V2"]) expect(typeFromNumpy(other)).toBeUndefined();
});
