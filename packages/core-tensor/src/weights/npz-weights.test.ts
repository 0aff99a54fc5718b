import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { encodeNpy, encodeNpyHeader } from "../arrays/npy.ts";
import { encodeNpz } from "../arrays/npz.ts";
import { decodeWeights } from "./decode-weights.ts";

const array = encodeNpy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });

describe("decodeWeights of .npz", () => {
  it.each([["stored", 0], ["deflated", 9]] as const)("reads arrays with names that are paths: %s", async (_, level) => {
    const files = { "Transformer/encoder_norm/scale.npy": array, "../up.npy": encodeNpy({ shape: [], data: Int32Array.of(-3) }), "__proto__.npy": encodeNpy({ shape: [0], data: new Float64Array(0) }) };
    const weights = await decodeWeights(zipSync(Object.fromEntries(Object.entries(files)), { level }), "x.npz");
    expect(weights.format).toBe("npz");
    expect([...weights.entries]).toEqual(
      expect.arrayContaining([["Transformer/encoder_norm/scale", { shape: [2, 3], dtype: "F32" }], ["../up", { shape: [], dtype: "I32" }]]),
    );
    expect(await weights.read("Transformer/encoder_norm/scale")).toEqual({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect((await weights.read("../up")).data).toEqual(Float32Array.of(-3));
  });

  it("lists arrays of texts, which it does not read", async () => {
    const text = Uint8Array.from([...encodeNpyHeader("U2", [1]), 0, 0, 0, 0, 0, 0, 0, 0]);
    const weights = await decodeWeights(zipSync({ "name.npy": text, "a.npy": array }, { level: 0 }), "x.npz");
    expect([...weights.entries.keys()]).toEqual(["name", "a"]);
    await expect(weights.read("name")).rejects.toMatchObject({ code: "weights.dtype", message: expect.stringContaining("<U2") });
    expect((await weights.read("a")).data).toHaveLength(6);
  });

  it.each([["stored", 0], ["deflated", 9]] as const)("notices damage when the array is read: %s", async (_, level) => {
    const big = encodeNpy({ shape: [3000], data: Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i)) });
    const bytes = zipSync({ "a.npy": big, "b.npy": array }, { level });
    bytes[9000] = bytes[9000]! ^ 1;
    const weights = await decodeWeights(bytes, "x.npz");
    await expect(weights.read("a")).rejects.toMatchObject({ code: "npz.format", message: expect.stringMatching(/x\.npz: (the checksum of "a\.npy" is wrong|"a\.npy")/) });
    expect((await weights.read("b")).data).toHaveLength(6);
  });

  it.each([
    ["a file that is no array", zipSync({ "notes.txt": array }), "npz.format", 'contains "notes.txt", which is no array'],
    ["too few numbers", zipSync({ "a.npy": array.subarray(0, -4) }), "npz.format", "has 20 bytes of data, its shape [2,3] of F32 needs 24"],
    ["no array's header", zipSync({ "a.npy": new Uint8Array(200) }), "npy.format", "x (a.npy)"],
  ])("refuses %s", async (_, bytes, code, message) => {
    await expect(decodeWeights(bytes, "x")).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it("refuses a file that is cut off anywhere", async () => {
    const bytes = encodeNpz(new Map([["a", { shape: [3], data: Float32Array.of(1, 2, 3) }]]));
    for (let length = 0; length < bytes.length; length++) await expect(decodeWeights(bytes.subarray(0, length), "cut")).rejects.toMatchObject({ code: "weights.format" });
  });
});
