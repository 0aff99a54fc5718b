import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { encodePyTorch, type PyTorchType } from "../../../../test/pytorch-files.ts";

const arrays = 40;
const megabytes = 200;

/** Keeps every array of a file, and prints by how many bytes the largest size of the process grew. */
const child = `
import { openWeights } from "@hidiff/core-tensor/files-node";
const before = process.resourceUsage().maxRSS;
const weights = await openWeights(process.argv[1]);
const kept = [];
for (const name of weights.entries.keys()) kept.push(await weights.read(name));
console.log((process.resourceUsage().maxRSS - before) * 1024, kept.reduce((sum, { data }) => sum + data.byteLength, 0));
`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hidiff-memory-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a safetensors file whose numbers are all zero: a gap that takes no space on the disk. @returns its bytes */
function writeZeros(path: string, dtype: PyTorchType, elementSize: number): number {
  const length = (megabytes * 2 ** 20) / arrays;
  const entries = Array.from({ length: arrays }, (_, i) => [`a${i}`, { dtype, shape: [length / elementSize], data_offsets: [i * length, (i + 1) * length] }]);
  const header = JSON.stringify(Object.fromEntries(entries));
  const start = new Uint8Array(8);
  new DataView(start.buffer).setBigUint64(0, BigInt(header.length), true);
  const file = openSync(path, "w");
  writeSync(file, start);
  writeSync(file, header);
  closeSync(file);
  truncateSync(path, 8 + header.length + arrays * length);
  return 8 + header.length + arrays * length;
}

function measure(path: string): { readonly growth: number; readonly kept: number } {
  const output = execFileSync(process.execPath, ["--conditions=@hidiff/source", "--import", "tsx", "--input-type=module", "-e", child, path], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  const [growth, kept] = output.trim().split(" ").map(Number);
  return { growth: growth!, kept: kept! };
}

it.each<[PyTorchType, number]>([["F32", 4], ["F16", 2]])("the arrays of a safetensors file of 200 MiB of %s need hardly more than themselves", (dtype, size) => {
  const path = join(folder, `${dtype}.safetensors`);
  const bytes = writeZeros(path, dtype, size);
  const { growth, kept } = measure(path);
  expect(kept).toBe(megabytes * 2 ** 20 * (4 / size));
  // Half a file of slack for garbage that is not collected yet; together less than twice the file for F32.
  expect(growth).toBeLessThan(kept + bytes / 2);
});

it.each(["zip", "legacy"] as const)("so do those of a PyTorch file of 80 MiB: %s", (format) => {
  const tensor = { shape: [2 ** 19], data: new Float32Array(2 ** 19) };
  const path = join(folder, `${format}.pt`);
  const bytes = encodePyTorch(Array.from({ length: arrays }, () => tensor), { format });
  writeFileSync(path, bytes);
  const { growth, kept } = measure(path);
  expect(kept).toBe(arrays * 2 ** 21);
  expect(growth).toBeLessThan(1.5 * bytes.length);
});
