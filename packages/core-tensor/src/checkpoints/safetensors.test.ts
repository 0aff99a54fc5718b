import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.ts";

const tensors = new Map<string, StoredTensor>([
  ["bits", { shape: [3], data: Uint8Array.of(1, 128, 255) }],
  ["stem.weight", { shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-30, 4e30, -0, Infinity) }],
  ["scalar", { shape: [], data: Float32Array.of(7) }],
  ["empty", { shape: [0, 4], data: new Float32Array(0) }],
]);

// safetensors.numpy.save({"b": np.array([[1.5], [-2.0]], np.float32), "a": np.array([7, 8], np.uint8)}, {"k": "v"}), version 0.5 or later
const pythonFile =
  "iAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJrIjoidiJ9LCJiIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDFdLCJkYXRhX29m" +
  "ZnNldHMiOlswLDhdfSwiYSI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbOCwxMF19fSAgAADAPwAA" +
  "AMAHCA==";

/** A file from its header and data. */
function file(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

describe("safetensors", () => {
  it("gives back what was stored", () => {
    const { tensors: found, metadata } = decodeSafetensors(encodeSafetensors(tensors, { format: "hidiff", "ключ": "värde" }), "x");
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(tensors));
    expect(metadata).toEqual({ format: "hidiff", "ключ": "värde" });
    expect(decodeSafetensors(encodeSafetensors(new Map()), "x")).toEqual({ tensors: new Map(), metadata: {} });
  });

  it("reads Node's buffers, which share memory with others", () => {
    const stored = encodeSafetensors(tensors);
    const shared = Buffer.alloc(stored.length + 3);
    shared.set(stored, 3);
    const { tensors: found } = decodeSafetensors(shared.subarray(3), "x");
    shared.fill(0);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(tensors));
  });

  it("follows the format: little-endian length, JSON header, contiguous data in which floats are aligned", () => {
    const bytes = encodeSafetensors(tensors, { a: "b" });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
      __metadata__: { a: "b" },
      "stem.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
      scalar: { dtype: "F32", shape: [], data_offsets: [24, 28] },
      empty: { dtype: "F32", shape: [0, 4], data_offsets: [28, 28] },
      bits: { dtype: "U8", shape: [3], data_offsets: [28, 31] },
    });
    expect(bytes.length).toBe(8 + length + 31);
    expect(new DataView(bytes.buffer).getFloat32(8 + length + 4, true)).toBe(-2.5);
  });

  it("reads a file that the Python package wrote", () => {
    const bytes = Uint8Array.from(Buffer.from(pythonFile, "base64"));
    const { tensors: found, metadata } = decodeSafetensors(bytes, "python");
    expect(metadata).toEqual({ k: "v" });
    expect(found.get("b")).toEqual({ shape: [2, 1], data: Float32Array.of(1.5, -2) });
    expect(found.get("a")).toEqual({ shape: [2], data: Uint8Array.of(7, 8) });
  });

  it("refuses a file that is cut off anywhere", () => {
    const bytes = encodeSafetensors(tensors, { a: "b" });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), "model.safetensors"), `${length} bytes`).toThrow(
        expect.objectContaining({ code: "safetensors.format", message: expect.stringMatching(/^model\.safetensors: .*write or copy it again\.$/) }),
      );
    }
  });

  it.each([
    ["a PNG image", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0), "does not start with a safetensors header"],
    ["a zip archive", Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0, 0), "truncated"],
    ["text as header", file("not JSON at all!"), "its header is not JSON"],
    ["null as header", file("null"), "its header is not JSON"],
    ["a list as header", file("[]"), "its header is not JSON"],
    ["broken UTF-8", file({}, new Uint8Array(0)).map((byte, index) => (index === 8 ? 0xff : byte)), "its header is not JSON"],
    ["an entry that is null", file({ a: null }), "entry for a is malformed"],
    ["an entry without offsets", file({ a: { dtype: "F32", shape: [1] } }), "entry for a is malformed"],
    ["a negative size", file({ a: { dtype: "F32", shape: [-1, -1], data_offsets: [0, 4] } }, new Uint8Array(4)), "entry for a is malformed"],
    ["a negative offset", file({ a: { dtype: "F32", shape: [1], data_offsets: [-8, -4] } }, new Uint8Array(4)), "entry for a is malformed"],
    ["a wrong size", file({ a: { dtype: "F32", shape: [2], data_offsets: [0, 4] } }, new Uint8Array(4)), "a has 4 bytes, its shape [2] needs 8"],
  ])("refuses %s", (_name, bytes, message) => {
    expect(() => decodeSafetensors(bytes, "x")).toThrow(expect.objectContaining({ code: "safetensors.format", message: expect.stringContaining(message) }));
  });

  it("names an element type that it cannot read", () => {
    const bytes = file({ half: { dtype: "BF16", shape: [1], data_offsets: [0, 2] } }, new Uint8Array(2));
    expect(() => decodeSafetensors(bytes, "x")).toThrow(
      expect.objectContaining({ code: "safetensors.dtype", message: "x: half has element type BF16; F32, F16 and U8 are supported." }),
    );
  });

  it("stores floats in half precision, rounded once, and leaves bytes alone", () => {
    const stored = new Map<string, StoredTensor>([
      ["odd", { shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ["weights", { shape: [2, 2], data: Float32Array.of(0.1, -65504, 1e-9, 1) }],
    ]);
    const bytes = encodeSafetensors(stored, {}, "F16");
    const { tensors: found } = decodeSafetensors(bytes, "x");
    // 0.1 is 0x2e66 = (1024 + 614) · 2⁻¹⁴; numpy.float16(0.1) says the same.
    expect(found.get("weights")).toEqual({ shape: [2, 2], data: Float32Array.of(1638 / 16384, -65504, 0, 1) });
    expect(found.get("odd")).toEqual(stored.get("odd"));
    expect(encodeSafetensors(found, {}, "F16")).toEqual(bytes);
  });

  it("refuses numbers that half precision does not hold, and says which array has them", () => {
    const stored = new Map([["variance", { shape: [2], data: Float32Array.of(1, -70000) }]]);
    expect(() => encodeSafetensors(stored, {}, "F16")).toThrow(expect.objectContaining({ code: "safetensors.range", message: expect.stringMatching(/variance holds -70000/) }));
  });

  it("refuses to store an array that does not fit its shape", () => {
    expect(() => encodeSafetensors(new Map([["a", { shape: [3], data: new Float32Array(2) }]]))).toThrow("a has 2 elements, its shape [3] needs 3");
  });
});
