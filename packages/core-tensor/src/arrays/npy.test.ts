import { describe, expect, it } from "vitest";
import { decodeElements, elementSize } from "./elements.ts";
import { decodeNpy, encodeNpy, encodeNpyHeader } from "./npy.ts";

/** A .npy file with the given header and data, of a version of the format. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), version, 0, ...length, ...text, ...data);
}

const header = (descr: string, shape: string, fortran = "False"): string => `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

describe("decodeNpy and encodeNpy", () => {
  it("give back every kind of array", () => {
    const arrays = [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array].map((Kind) => Kind.of(-3, 7, 0.5, 250, 3e9, 1));
    for (const data of arrays) {
      for (const shape of [[6], [2, 3], [1, 3, 2, 1]]) expect(decodeNpy(encodeNpy({ shape, data }), "a.npy")).toEqual({ shape, data });
    }
    for (const array of [{ shape: [], data: Float32Array.of(2) }, { shape: [0, 5], data: new Int16Array(0) }]) {
      expect(decodeNpy(encodeNpy(array), "a.npy")).toEqual(array);
    }
  });

  it("write headers as NumPy does: one line, the data aligned to 64 bytes", () => {
    const bytes = encodeNpy({ shape: [3], data: Uint16Array.of(1, 2, 259) });
    expect(bytes.length).toBe(128 + 6);
    expect(new TextDecoder().decode(bytes.subarray(10, 128))).toBe("{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }".padEnd(117) + "\n");
    expect([...bytes.subarray(128)]).toEqual([1, 0, 2, 0, 3, 1]);
    expect(encodeNpyHeader("u2", [3])).toEqual(bytes.subarray(0, 128));
    expect(new TextDecoder().decode(encodeNpyHeader("u1", []).subarray(10))).toMatch(/^\{'descr': '\|u1', .* 'shape': \(\), \} *\n$/);
  });

  it("read versions 2 and 3 and every byte order", () => {
    expect(decodeNpy(npy(header("'>u2'", "(2,)"), Uint8Array.of(1, 2, 0, 5), 2), "a")).toEqual({ shape: [2], data: Uint16Array.of(258, 5) });
    expect(decodeNpy(npy(header("'|i1'", "(1, 2)"), Uint8Array.of(255, 5), 3), "a")).toEqual({ shape: [1, 2], data: Int8Array.of(-1, 5) });
    expect(decodeNpy(npy(header('"=i2"', "(1L,)"), Uint8Array.of(255, 255)), "a")).toEqual({ shape: [1], data: Int16Array.of(-1) });
  });

  it("do not share memory with the file", () => {
    const bytes = Buffer.from(encodeNpy({ shape: [2], data: Uint8Array.of(1, 2) }));
    const { data } = decodeNpy(bytes, "a");
    bytes.fill(9);
    expect([...data]).toEqual([1, 2]);
  });

  it.each([
    ["'|O'", "npy.dtype", "objects and records are never loaded"],
    ["[('a', '<i4'), ('b', '<f4')]", "npy.dtype", "objects and records are never loaded"],
    ["'<c16'", "npy.dtype", "<c16"],
    ["'<U5'", "npy.dtype", "<U5"],
    ["'toString'", "npy.dtype", "toString"],
    ["'>f8'", "npy.format", "needs 8"],
    ["7", "npy.format", "header cannot be read"],
  ])("refuse the type %s", (type, code, message) => {
    expect(() => decodeNpy(npy(header(type, "(1,)"), new Uint8Array(4)), "x/image.npy")).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(new RegExp(`^x/image\\.npy: .*${message}`)) }),
    );
  });

  it("refuse what is truncated, too long, foreign or of another shape", () => {
    const whole = encodeNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeNpy(whole.subarray(0, length), "cut.npy")).toThrow(expect.objectContaining({ code: "npy.format", message: expect.stringContaining("cut.npy") }));
    }
    expect(() => decodeNpy(Uint8Array.of(...whole, 0), "long.npy")).toThrow("17 bytes of data, its shape [2,2] of f4 needs 16");
    for (const shape of ["(-2,)", "(1e3,)", "(1,,2)", "2", "(99999999999999999999,)", "(3,"]) {
      expect(() => decodeNpy(npy(header("'|u1'", shape), new Uint8Array(3)), "a")).toThrow(expect.objectContaining({ code: "npy.format" }));
    }
    expect(() => decodeNpy(npy(header("'|u1'", "(9007199254740991, 9007199254740991)"), new Uint8Array(3)), "a")).toThrow("its shape");
    expect(() => decodeNpy(npy(header("'|u1'", "(3,)"), new Uint8Array(3), 4), "a")).toThrow("version 4");
  });

  it("refuse an array whose length is not that of its shape", () => {
    expect(() => encodeNpy({ shape: [2], data: Float32Array.of(1) })).toThrow(expect.objectContaining({ code: "npy.shape" }));
    expect(() => encodeNpy({ shape: [-1, -1], data: Float32Array.of(1) })).toThrow(expect.objectContaining({ code: "npy.shape" }));
  });
});

describe("decodeElements", () => {
  it("reads integers of 64 bits only where they are exact", () => {
    const bytes = BigInt64Array.of(-(2n ** 53n) + 1n, 3n).buffer;
    expect([...decodeElements("i8", bytes, "a")]).toEqual([-Number.MAX_SAFE_INTEGER, 3]);
    expect(() => decodeElements("i8", BigInt64Array.of(1n, 2n ** 53n).buffer, "a.npy")).toThrow(
      expect.objectContaining({ code: "npy.dtype", message: expect.stringContaining("a.npy: element 1 is 9007199254740992") }),
    );
    expect(() => decodeElements("u8", BigUint64Array.of(2n ** 64n - 1n).buffer, "a")).toThrow("18446744073709551615");
  });

  it("knows the size of types and no other names", () => {
    expect(["u1", "f2", "i4", "f8", "O", "constructor"].map(elementSize)).toEqual([1, 2, 4, 8, undefined, undefined]);
    expect(() => decodeElements("c8", new ArrayBuffer(8), "a")).toThrow("c8");
  });
});
