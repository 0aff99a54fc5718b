import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { encodeNpy, type NpyArray } from "./npy.ts";
import { decodeNpz, encodeNpz } from "./npz.ts";
import { crc32 } from "./zip-entries.ts";

/**
 * Written by NumPy 2: numpy.savez_compressed(file, image=numpy.linspace(0, 1, 6, dtype=numpy.float32).reshape(2, 3),
 * fortran=numpy.asfortranarray(numpy.arange(24, dtype=">f8").reshape(2, 3, 4)), half=numpy.array([0, 1, -2.5, 65504, 6e-8,
 * numpy.inf, numpy.nan], numpy.float16), long=numpy.array([2**53 - 1, -5]), flags=numpy.array([[True, False]]),
 * scalar=numpy.array(7, numpy.uint16), empty=numpy.zeros((0, 4), numpy.int8), wide=numpy.array([-70000, 5], ">i4"),
 * größe=numpy.array([1, 2, 200], numpy.uint8))
 */
const compressed = fromBase64([
  "UEsDBC0AAAAIAAAAIQD9z32E//////////8JABQAaW1hZ2UubnB5AQAQAJgAAAAAAAAAXAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFq",
  "QC+RpGOgrGmjoKtQpkAy4GIDh7xsfu7JkzdrNmStoD2fYMDA32AFBLAwQtAAAACAAAACEAwZk1y///////////CwAUAGZvcnRyYW4ubnB5AQAQAEABAAAAAAAAiQAAAAAAAACb7BfqGxDJyFDGUK2e",
  "klqcXKRupaBul2ahrqOgnpZfVFKUmBefX5SSChIPKSpNBQoXZyQWpAK5GkY6CsY6CiaaOgq1CmQCLgYocNCA0gJQ2gBKK0BpEwht/wHK14LSIlDaEEorQWlTKA0zXwdKS0BpIyitAqXNoDQHlNaD0j",
  "JQ2hhKq0FpcwgNAFBLAwQtAAAACAAAACEAyPAqxv//////////CAAUAGhhbGYubnB5AQAQAI4AAAAAAAAAUgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2akrqOgnpZfVFKUmBefX5SSChJ3",
  "S8wpTgWKF2ckFqQC+RrmOpo6CrUKFAAuBgYGG4aD/6sZGRhqGOoAUEsDBC0AAAAIAAAAIQBv6L4s//////////8IABQAbG9uZy5ucHkBABAAkAAAAAAAAABNAAAAAAAAAJvsF+obEMnIUMZQrZ6SWp",
  "xcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAK7/YCDP8BvC+A8AUEsDBC0AAAAIAAAAIQAQGToZ//////////8JABQAZmxhZ3MubnB5AQAQAIIAAAAAAAAA",
  "SAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBek2SorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOgpGmjoKtQpkAy5GBgBQSwMELQAAAAgAAAAhAOqGVJD//////////woAFABzY2",
  "FsYXIubnB5AQAQAIIAAAAAAAAARAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuU2qkrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqaOgq1ChQBLnYGAFBLAwQtAAAACAAAACEA9AfH",
  "Qv//////////CQAUAGVtcHR5Lm5weQEAEACAAAAAAAAAAEYAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgXpNpqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaBjoKJpo6CrUKZAMuAF",
  "BLAwQtAAAACAAAACEAkwMOUv//////////CAAUAHdpZGUubnB5AQAQAIgAAAAAAAAATQAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBul2mirqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC",
  "+RpGOpo6CrUKFACu///eTWBgYGAFAFBLAwQtAAAICAAAACEAEvg4vf//////////CwAUAGdyw7bDn2UubnB5AQAQAIMAAAAAAAAARwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBeU2qorqOgnp",
  "ZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuRqYTAFBLAQItAy0AAAAIAAAAIQD9z32EXAAAAJgAAAAJAAAAAAAAAAAAAACAAQAAAABpbWFnZS5ucHlQSwECLQMtAAAACAAAACEA",
  "wZk1y4kAAABAAQAACwAAAAAAAAAAAAAAgAGXAAAAZm9ydHJhbi5ucHlQSwECLQMtAAAACAAAACEAyPAqxlIAAACOAAAACAAAAAAAAAAAAAAAgAFdAQAAaGFsZi5ucHlQSwECLQMtAAAACAAAACEAb+",
  "i+LE0AAACQAAAACAAAAAAAAAAAAAAAgAHpAQAAbG9uZy5ucHlQSwECLQMtAAAACAAAACEAEBk6GUgAAACCAAAACQAAAAAAAAAAAAAAgAFwAgAAZmxhZ3MubnB5UEsBAi0DLQAAAAgAAAAhAOqGVJBE",
  "AAAAggAAAAoAAAAAAAAAAAAAAIAB8wIAAHNjYWxhci5ucHlQSwECLQMtAAAACAAAACEA9AfHQkYAAACAAAAACQAAAAAAAAAAAAAAgAFzAwAAZW1wdHkubnB5UEsBAi0DLQAAAAgAAAAhAJMDDlJNAA",
  "AAiAAAAAgAAAAAAAAAAAAAAIAB9AMAAHdpZGUubnB5UEsBAi0DLQAACAgAAAAhABL4OL1HAAAAgwAAAAsAAAAAAAAAAAAAAIABewQAAGdyw7bDn2UubnB5UEsFBgAAAAAJAAkA8QEAAP8EAAAAAA==",
]);

/** numpy.savez(file, label=numpy.array([[0, 1, 8]], numpy.uint8), image=…), the same image */
const stored = fromBase64([
  "UEsDBC0AAAAAAAAAIQB+gdWC//////////8JABQAbGFiZWwubnB5AQAQAIMAAAAAAAAAgwAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6ICd8dTEnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2",
  "hhcGUnOiAoMSwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgABCFBLAwQtAAAAAAAAACEA/c99hP//////////CQAUAGltYWdl",
  "Lm5weQEAEACYAAAAAAAAAJgAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgIC",
  "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAzcxMPs3MzD6amRk/zcxMPwAAgD9QSwECLQMtAAAAAAAAACEAfoHVgoMAAACDAAAACQAAAAAAAAAAAAAAgAEAAAAAbGFi",
  "ZWwubnB5UEsBAi0DLQAAAAAAAAAhAP3PfYSYAAAAmAAAAAkAAAAAAAAAAAAAAIABvgAAAGltYWdlLm5weVBLBQYAAAAAAgACAG4AAACRAQAAAAA=",
]);

function fromBase64(lines: readonly string[]): Uint8Array {
  return Uint8Array.from(atob(lines.join("")), (character) => character.charCodeAt(0));
}

describe("decodeNpz", () => {
  it("reads what numpy.savez_compressed writes", () => {
    const arrays = decodeNpz(compressed, "a.npz");
    expect([...arrays.keys()]).toEqual(["image", "fortran", "half", "long", "flags", "scalar", "empty", "wide", "größe"]);
    expect(arrays.get("image")).toEqual({ shape: [2, 3], data: Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1) });
    expect(arrays.get("fortran")).toEqual({ shape: [2, 3, 4], data: Float64Array.from({ length: 24 }, (_, i) => i) });
    expect(arrays.get("half")).toEqual({ shape: [7], data: Float32Array.of(0, 1, -2.5, 65504, 2 ** -24, Infinity, NaN) });
    expect(arrays.get("long")).toEqual({ shape: [2], data: Float64Array.of(2 ** 53 - 1, -5) });
    expect(arrays.get("flags")).toEqual({ shape: [1, 2], data: Uint8Array.of(1, 0) });
    expect(arrays.get("scalar")).toEqual({ shape: [], data: Uint16Array.of(7) });
    expect(arrays.get("empty")).toEqual({ shape: [0, 4], data: new Int8Array(0) });
    expect(arrays.get("wide")).toEqual({ shape: [2], data: Int32Array.of(-70000, 5) });
    expect(arrays.get("größe")).toEqual({ shape: [3], data: Uint8Array.of(1, 2, 200) });
  });

  it("reads what numpy.savez writes, from a part of a buffer too", () => {
    const expected = new Map<string, NpyArray>([["label", { shape: [1, 3], data: Uint8Array.of(0, 1, 8) }], ["image", { shape: [2, 3], data: Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1) }]]);
    expect(decodeNpz(stored, "a.npz")).toEqual(expected);
    expect(decodeNpz(Uint8Array.of(7, ...stored).subarray(1), "a.npz")).toEqual(expected);
  });

  it("reads what encodeNpz writes; the same arrays give the same bytes", () => {
    const arrays = new Map<string, NpyArray>([["a b", { shape: [3], data: Int16Array.of(1, -2, 3) }], ["ä", { shape: [1, 1], data: Float64Array.of(0.1) }], ["zeros", { shape: [100_000], data: new Float32Array(100_000) }]]);
    const bytes = encodeNpz(arrays);
    expect(bytes.length).toBeLessThan(3000);
    expect(decodeNpz(bytes, "a")).toEqual(arrays);
    expect(encodeNpz(arrays)).toEqual(bytes);
    expect(decodeNpz(encodeNpz(new Map()), "empty.npz").size).toBe(0);
    for (const name of ["", "a/b", "..\\x"]) expect(() => encodeNpz(new Map([[name, { shape: [], data: Uint8Array.of(1) }]]))).toThrow(expect.objectContaining({ code: "npz.format" }));
  });

  it("refuses names that are paths, that are no arrays, or that come twice", () => {
    const array = encodeNpy({ shape: [1], data: Uint8Array.of(1) });
    for (const path of ["../a.npy", "/etc/a.npy", "a/b.npy", "a\\b.npy", "C:a.npy", "notes.txt", ".npy"]) {
      expect(() => decodeNpz(zipSync({ [path]: array }), "bad.npz"), path).toThrow(expect.objectContaining({ code: "npz.format", message: expect.stringMatching(/^bad\.npz: it contains/) }));
    }
    const twice = replaceText(zipSync({ "a.npy": array, "b.npy": array }), "b.npy", "a.npy");
    expect(() => decodeNpz(twice, "bad.npz")).toThrow('contains "a.npy" twice');
  });

  it("stops an archive bomb by its directory, and one whose directory lies", () => {
    const bomb = zipSync({ "a.npy": encodeNpy({ shape: [1_000_000], data: new Float64Array(1_000_000) }) });
    expect(() => decodeNpz(bomb, "bomb.npz", { limitBytes: 1e6 })).toThrow(
      expect.objectContaining({ code: "npz.limit", message: expect.stringMatching(/bomb\.npz.*8000128 bytes.*1000000/) }),
    );
    const lies = bomb.slice();
    new DataView(lies.buffer).setUint32(directoryOf(lies) + 24, 50_000, true);
    expect(() => decodeNpz(lies, "bomb.npz", { limitBytes: 1e6 })).toThrow("unpacks to more than the 50000 bytes that its directory tells");
    const boasts = bomb.slice();
    new DataView(boasts.buffer).setUint32(directoryOf(boasts) + 24, 2_000_000_000, true);
    expect(() => decodeNpz(boasts, "bomb.npz")).toThrow("which is impossible");
  });

  it("notices damage to the data by the checksum, and every truncation", () => {
    const damaged = stored.slice();
    damaged[damaged.indexOf(0x93) + 128 + 1] = 5; // an element of the label
    expect(() => decodeNpz(damaged, "damaged.npz")).toThrow('damaged.npz: the checksum of "label.npy" is wrong');
    for (const whole of [stored, compressed]) {
      for (let length = 0; length < whole.length; length++) {
        expect(() => decodeNpz(whole.subarray(0, length), "cut.npz")).toThrow(expect.objectContaining({ code: "npz.format", message: expect.stringContaining("cut.npz") }));
      }
    }
  });
});

it("crc32 agrees with the check value of the standard", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

/** Where the first entry of a zip archive's directory begins. */
function directoryOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(bytes.length - 6, true);
}

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = String.fromCharCode(...bytes).replaceAll(from, to);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
