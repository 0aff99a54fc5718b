import { describe, expect, it } from "vitest";
import { encodeSafetensors } from "../checkpoints/safetensors.ts";
import { decodeWeights } from "./decode-weights.ts";

type Header = Readonly<Record<string, unknown>>;

/** A file from its header and the number of its data's bytes, which count up. */
function file(header: Header | string, size: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  for (let i = 0; i < size; i++) bytes[8 + text.length + i] = i;
  return bytes;
}

const bytesAt = (begin: number, end: number): Header => ({ dtype: "U8", shape: [end - begin], data_offsets: [begin, end] });

describe("decodeWeights of safetensors", () => {
  it("reads what encodeSafetensors writes, with its metadata", async () => {
    const data = Float32Array.of(1, -2.5, 3e-30, -0);
    const weights = await decodeWeights(encodeSafetensors(new Map([["a.weight", { shape: [2, 2], data }], ["bits", { shape: [1], data: Uint8Array.of(200) }]]), { k: "v" }), "x");
    expect(weights).toMatchObject({ format: "safetensors", name: "x", metadata: { k: "v" } });
    expect([...weights.entries]).toEqual([["a.weight", { shape: [2, 2], dtype: "F32" }], ["bits", { shape: [1], dtype: "U8" }]]);
    expect(await weights.read("a.weight")).toEqual({ shape: [2, 2], data });
    expect(await weights.read("bits")).toEqual({ shape: [1], data: Float32Array.of(200) });
  });

  it("gives arrays that share no memory with the file", async () => {
    const bytes = file({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4);
    const { data } = await (await decodeWeights(bytes, "x")).read("a");
    const before = data[0];
    bytes.fill(0);
    expect(data[0]).toBe(before);
  });

  it("reads arrays in any order, at odd places, and names such as __proto__", async () => {
    const weights = await decodeWeights(file(`{"__proto__":${JSON.stringify(bytesAt(1, 3))},"half":{"dtype":"BF16","shape":[],"data_offsets":[3,5]},"z":${JSON.stringify(bytesAt(0, 1))}}`, 5), "x");
    expect([...weights.entries.keys()]).toEqual(["__proto__", "half", "z"]);
    expect((await weights.read("__proto__")).data).toEqual(Float32Array.of(1, 2));
    expect((await weights.read("half")).data[0]).toBeGreaterThan(0);
  });

  it.each<[string, Header | string, number, string]>([
    ["overlap", { a: bytesAt(0, 4), b: bytesAt(3, 6) }, 6, "b overlaps another array"],
    ["the same place", { a: bytesAt(0, 4), b: bytesAt(0, 4) }, 4, "b overlaps another array"],
    ["a hole", { a: bytesAt(0, 2), b: bytesAt(3, 6) }, 6, "1 bytes before b belong to no array"],
    ["a name that comes twice", `{"a":${JSON.stringify(bytesAt(0, 2))},"a":${JSON.stringify(bytesAt(2, 4))}}`, 4, "2 bytes before a belong to no array"],
    ["bytes behind", { a: bytesAt(0, 2) }, 5, "3 bytes at the end belong to no array"],
    ["an end out of the file", { a: bytesAt(0, 9) }, 8, "truncated: a ends"],
    ["an end before the beginning", { a: { dtype: "U8", shape: [2], data_offsets: [2, 0] } }, 2, "a has -2 bytes"],
    ["a shape beyond all numbers", { a: { dtype: "U8", shape: [2 ** 52, 2 ** 52], data_offsets: [0, 2] } }, 2, "a has 2 bytes"],
    ["metadata that are no texts", { __metadata__: { a: 1 } }, 0, "its metadata are not texts"],
  ])("refuses %s", async (_, header, size, message) => {
    await expect(decodeWeights(file(header, size), "x")).rejects.toMatchObject({ code: "safetensors.format", message: expect.stringContaining(message) });
  });

  it("refuses types of unknown size, and to read 8-bit floats, by name", async () => {
    await expect(decodeWeights(file({ a: { dtype: "F4", shape: [2], data_offsets: [0, 1] } }, 1), "x")).rejects.toMatchObject({ code: "safetensors.dtype", message: expect.stringContaining("a has element type F4") });
    const weights = await decodeWeights(file({ a: { dtype: "F8_E5M2", shape: [2], data_offsets: [0, 2] } }, 2), "x");
    await expect(weights.read("a")).rejects.toMatchObject({ code: "weights.dtype", message: expect.stringMatching(/^x \(a\): elements of type F8_E5M2 are not supported; convert/) });
  });

  it("refuses a file that is cut off anywhere", async () => {
    const bytes = file({ a: bytesAt(0, 4), b: bytesAt(4, 6) }, 6);
    for (let length = 0; length < bytes.length; length++) {
      await expect(decodeWeights(bytes.subarray(0, length), "cut")).rejects.toMatchObject({ code: expect.stringMatching(/^(weights|safetensors)\.format$/), message: expect.stringContaining("cut") });
    }
  });
});

describe("decodeWeights of other files", () => {
  it.each([
    ["nothing", "", "is empty"],
    ["text", "hello", "begins like no file of weights"],
    ["a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"],
    ["a web page", "<!DOCTYPE html><html>", "download it again"],
    ["HDF5", "\x89HDF\r\n\x1a\n", "numpy.savez"],
    ["a single array", "\x93NUMPY\x01\x00", "numpy.savez"],
    ["a tar archive", `${"x".padEnd(257, "\0")}ustar\0`, "before version 0.1.10"],
    ["an index, which needs its files", '{"weight_map":{"a":"b"}}', "is a JSON file"],
  ])("says what %s is", async (_, text, message) => {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    await expect(decodeWeights(bytes, "x.pt")).rejects.toMatchObject({ code: "weights.format", message: expect.stringMatching(new RegExp(`^x\\.pt .*${message}.*Expected weights`)) });
  });
});
