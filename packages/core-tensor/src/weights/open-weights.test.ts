import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync, closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodePyTorch } from "../../../../test/pytorch-files.ts";
import { encodeNpz } from "../arrays/npz.ts";
import { encodeSafetensors } from "../checkpoints/safetensors.ts";
import { openWeights } from "./open-weights.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hidiff-open-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const one = (name: string, value: number): Uint8Array => encodeSafetensors(new Map([[name, { shape: [1], data: Float32Array.of(value) }]]), { format: "pt" });
const index = (places: unknown): string => JSON.stringify({ metadata: { total_size: 8 }, weight_map: places });

describe("openWeights", () => {
  it.each([
    ["safetensors", one("a", 5)],
    ["pytorch", encodePyTorch(new Map([["a", { shape: [1], data: [5] }]]), { format: "zip" })],
    ["pytorch", encodePyTorch(new Map([["a", { shape: [1], data: [5] }]]), { format: "legacy" })],
    ["npz", encodeNpz(new Map([["a", { shape: [1], data: Float32Array.of(5) }]]))],
  ])("knows the format by the content, not by the name: %s", async (format, bytes) => {
    const weights = await openWeights(write("weights.bin", bytes));
    expect(weights.format).toBe(format);
    // Several at once, too.
    expect(await Promise.all([weights.read("a"), weights.read("a")])).toEqual([{ shape: [1], data: Float32Array.of(5) }, { shape: [1], data: Float32Array.of(5) }]);
    await weights.close();
    await expect(weights.read("a")).rejects.toMatchObject({ code: "file.read" });
  });

  it("names the file that it cannot read, and what to do", async () => {
    await expect(openWeights(join(folder, "none.pt"))).rejects.toMatchObject({ code: "file.read", message: expect.stringMatching(/none\.pt: there is no such file/) });
    await expect(openWeights(folder)).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining("it is a folder") });
  });

  it.skipIf(process.platform === "win32")("refuses a pipe, and does not wait for who writes into it", async () => {
    const path = join(folder, "pipe");
    execFileSync("mkfifo", [path]);
    await expect(openWeights(path)).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining("it is a pipe or a device") });
  });

  it("notices a file that is cut off while it is open", async () => {
    const path = write("a.safetensors", one("a", 5));
    const weights = await openWeights(path);
    truncateSync(path, 20);
    await expect(weights.read("a")).rejects.toMatchObject({ code: "weights.format", message: expect.stringContaining("truncated") });
    await weights.close();
  });

  it("reads behind 4 GiB of a file", async () => {
    const gap = 2 ** 32 + 4096;
    const header = JSON.stringify({ gap: { dtype: "U8", shape: [gap], data_offsets: [0, gap] }, a: { dtype: "F32", shape: [2], data_offsets: [gap, gap + 8] } });
    const path = join(folder, "large.safetensors");
    const start = new Uint8Array(8);
    new DataView(start.buffer).setBigUint64(0, BigInt(header.length), true);
    const file = openSync(path, "w"); // sparse: the gap takes no space
    writeSync(file, start);
    writeSync(file, header);
    writeSync(file, new Uint8Array(Float32Array.of(1.5, -2).buffer), 0, 8, 8 + header.length + gap);
    closeSync(file);
    const weights = await openWeights(path);
    expect((await weights.read("a")).data).toEqual(Float32Array.of(1.5, -2));
    await weights.close();
  });
});

describe("openWeights of an index", () => {
  it.each([
    ["safetensors", one],
    ["pytorch", (name: string, value: number): Uint8Array => encodePyTorch(new Map([[name, { shape: [1], data: [value] }]]), { format: "zip" })],
  ] as const)("reads the arrays from their files: %s", async (format, encode) => {
    mkdirSync(join(folder, "part"));
    write("one.bin", encode("a", 1));
    write("part/two.bin", encode("__proto__", 2));
    const path = write("model.index.json", `{"weight_map":{"__proto__":"part/two.bin","a":"one.bin"}}`);
    const weights = await openWeights(path);
    expect(weights).toMatchObject({ format, name: path });
    expect([...weights.entries]).toEqual([["__proto__", { shape: [1], dtype: "F32" }], ["a", { shape: [1], dtype: "F32" }]]);
    expect([(await weights.read("a")).data[0], (await weights.read("__proto__")).data[0]]).toEqual([1, 2]);
    await expect(weights.read("b")).rejects.toMatchObject({ code: "weights.name", message: expect.stringContaining(path) });
    await weights.close();
    // A file of it stands for itself.
    const single = await openWeights(join(folder, "one.bin"));
    expect([...single.entries.keys()]).toEqual(["a"]);
    await single.close();
  });

  it.each([
    ["a file that is missing", index({ a: "one.bin", b: "two.bin" }), "its file two.bin cannot be read"],
    ["an array that is missing", index({ aa: "one.bin" }), 'one.bin does not have the array "aa"'],
    ["no map", "{\"metadata\": {}}", 'no "weight_map"'],
    ["a list for a map", index(["one.bin"]), 'no "weight_map"'],
    ["no arrays", index({}), "lists no arrays"],
    ["a number for a file", index({ a: 3 }), "names the file 3"],
    ["damage", '{"weight_map": {', "it is damaged"],
    ...["../one.bin", "/etc/passwd", "part/../../one.bin", "C:\\one.bin", "..\\one.bin", "", ".", "a//b"].map((path): [string, string, string] => [
      `the file ${JSON.stringify(path)}`,
      index({ a: path }),
      "not in its folder",
    ]),
  ])("refuses %s", async (_, text, message) => {
    write("one.bin", one("a", 1));
    await expect(openWeights(write("x.index.json", text))).rejects.toMatchObject({ code: "weights.index", message: expect.stringContaining(message) });
  });

  it("refuses an index of an index, and a damaged file by its own error", async () => {
    write("inner.json", index({ a: "one.bin" }));
    await expect(openWeights(write("x.json", index({ a: "inner.json" })))).rejects.toMatchObject({ code: "weights.format", message: expect.stringContaining("is a JSON file") });
    write("one.bin", one("a", 1).subarray(0, -1));
    await expect(openWeights(write("y.json", index({ a: "one.bin" })))).rejects.toMatchObject({ code: "safetensors.format", message: expect.stringContaining("one.bin") });
  });
});
