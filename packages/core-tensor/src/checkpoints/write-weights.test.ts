import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { writeWeights } from "./write-weights.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-weights-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tensors = new Map([
  ["a.weight", { shape: [2, 3], data: Float32Array.of(1, -2, 3, Math.fround(0.1), 1e-40, -0) }],
  ["empty", { shape: [0], data: new Float32Array() }],
  ["scalar", { shape: [], data: Float32Array.of(Infinity) }],
]);
const arrays = [...tensors].map(([name, value]) => ({ name, shape: value.shape, read: () => Promise.resolve(value) }));

it("writes the same file as the one that is made in memory", async () => {
  const path = join(folder, "weights.safetensors");
  await writeWeights(path, arrays, { note: "naïve – text" });
  const bytes = await readFile(path);
  expect(decodeSafetensors(bytes, path)).toEqual({ tensors, metadata: { note: "naïve – text" } });
  expect(bytes.equals(encodeSafetensors(tensors, { note: "naïve – text" }))).toBe(true);
});

it("leaves what was there, and no remains, where an array fails", async () => {
  const path = join(folder, "kept.safetensors");
  await writeFile(path, "precious");
  const failing = (read: () => never): Promise<void> => writeWeights(path, [...arrays, { name: "last", shape: [1], read }]);
  await expect(
    failing(() => {
      throw new Error("damaged");
    }),
  ).rejects.toThrow("damaged");
  await expect(writeWeights(path, [{ name: "a", shape: [3], read: () => tensors.get("scalar")! }])).rejects.toMatchObject({ code: "safetensors.shape" });
  await expect(writeWeights(join(folder, "none", "a.safetensors"), arrays)).rejects.toMatchObject({ code: "file.write" });
  expect(await readFile(path, "utf8")).toBe("precious");
  expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});
