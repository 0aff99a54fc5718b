import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyVolumes } from "../testing/tiny-volumes.ts";
import type { SegmentationDataset } from "../types.ts";
import { DatasetCases } from "./case-store.ts";
import { SliceCache, type SliceCacheOptions } from "./slice-cache.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "hidiff-slices-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const depths = [6, 3];
const fresh = (): Promise<string> => mkdtemp(join(root, "cache-"));

function open(folder: string, { dataset, ...options }: Partial<SliceCacheOptions> & { dataset?: SegmentationDataset } = {}) {
  const loads: string[] = [];
  const volumes = dataset ?? tinyVolumes({ depths });
  const counted: SegmentationDataset = { ...volumes, load: (id) => (loads.push(id), volumes.load(id)) };
  const { preprocessing } = volumes;
  const cases = new DatasetCases(counted, options.preprocessing ?? preprocessing);
  const cache = new SliceCache(cases, { folder, spec: { name: "tiny-volumes", depths }, preprocessing, expected: { cases: 2, slices: 9 }, ...options });
  return { cache, cases, loads };
}

/** The files of the only data set in a cache. */
async function contents(folder: string, besides?: string): Promise<{ inner: string; names: string[] }> {
  const [key, ...others] = (await readdir(folder)).filter((name) => name !== besides);
  expect(others).toEqual([]);
  const inner = join(folder, key!);
  return { inner, names: (await readdir(inner)).sort() };
}

describe("the slice cache", () => {
  it("keeps priors, one folder's apart from another's and from none", async () => {
    const folder = await fresh();
    const volumes = tinyVolumes({ depths });
    const dataset: SegmentationDataset = {
      ...volumes,
      load: async (id) => {
        const found = await volumes.load(id);
        return { ...found, prior: { ...found.image, channels: 3, outside: [1, 0, 0], slice: (index) => Float32Array.from({ length: 360 }, (_, i) => Number(i % 3 === index % 3)) } };
      },
    };
    await open(folder).cache.summarize("case-0");
    for (const priors of ["a", "b"]) {
      const { cache, cases } = open(folder, { dataset, priors: { folder: priors } });
      for (const id of ["case-0", "case-1"]) expect(await cache.slice(id, 1)).toEqual(await cases.slice(id, 1, 6));
      expect((await cache.slice("case-0", 2)).prior!.subarray(0, 3)).toEqual(Float32Array.of(0, 0, 1));
      const later = open(folder, { dataset, priors: { folder: priors } });
      expect((await later.cache.slice("case-1", 1)).prior).toEqual((await cases.slice("case-1", 1, 3)).prior);
      expect(later.loads).toEqual([]);
    }
    expect(await readdir(folder)).toHaveLength(3);
    expect((await open(folder).cache.slice("case-0", 1)).prior).toBeUndefined();
  });

  it("reads and preprocesses each case once, and gives the same slices", async () => {
    const folder = await fresh();
    const { cache, cases, loads } = open(folder);
    for (const [id, depth] of [["case-0", 6], ["case-1", 3]] as const) {
      expect(await cache.summarize(id)).toEqual(await cases.summarize(id, true));
      for (let slice = 0; slice < depth; slice++) expect(await cache.slice(id, slice)).toEqual(await cases.slice(id, slice, depth));
    }
    const later = open(folder);
    expect(await later.cache.slice("case-0", 4)).toEqual(await cases.slice("case-0", 4, 6));
    expect(await later.cache.summarize("case-1")).toEqual({ depth: 3, foreground: [1] });
    expect(later.loads).toEqual([]);
    expect(loads.filter((id) => id === "case-1")).toHaveLength(3); // the cache once, the comparison twice
    await expect(later.cache.slice("case-1", 3)).rejects.toMatchObject({ code: "datasets.slice" });
  });

  it("writes files that NumPy's format describes, and an index", async () => {
    const folder = await fresh();
    await open(folder).cache.summarize("case-0");
    const { inner, names } = await contents(folder);
    expect(names.map((name) => name.replace(/-[0-9a-f]{12}\./, "."))).toEqual([
      "case-0.field-of-view.npy",
      "case-0.image.npy",
      "case-0.json",
      "case-0.labels.npy",
      "index.json",
    ]);
    expect(JSON.parse(await readFile(join(inner, "index.json"), "utf8"))).toMatchObject({ format: "hidiff-slices", dataset: { name: "tiny-volumes", depths } });
    const image = await readFile(join(inner, names.find((name) => name.endsWith(".image.npy"))!));
    expect(image.subarray(0, 8).toString("latin1")).toBe("\u0093NUMPY\u0001\u0000");
    const length = image.readUInt16LE(8);
    expect((10 + length) % 64).toBe(0);
    expect(image.subarray(10, 10 + length).toString()).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(6, 12, 10, 2\), \} *\n$/);
    expect(image).toHaveLength(10 + length + 6 * 12 * 10 * 2 * 4);
    expect(image.readFloatLE(10 + length + 3 * 12 * 10 * 2 * 4)).toBe(3);
  });

  it("keeps data sets, options and preprocessings apart", async () => {
    const folder = await fresh();
    await open(folder).cache.summarize("case-1");
    const preprocessing = [{ step: "crop-border", pixels: 1 }] as const;
    const cropped = open(folder, { preprocessing });
    expect(await cropped.cache.slice("case-1", 0)).toMatchObject({ height: 10, width: 8 });
    await open(folder, { spec: { depths, name: "tiny-volumes" } }).cache.summarize("case-1"); // the same in another order
    await open(folder, { spec: { name: "tiny-volumes", depths: [6, 3, 1] } }).cache.summarize("case-1");
    expect(await readdir(folder)).toHaveLength(3);
  });

  it.each(["cut", "longer", "another header", "no JSON", "another id", "gone"])("makes files anew that are damaged: %s", async (damage) => {
    const folder = await fresh();
    await open(folder).cache.summarize("case-0");
    const { inner, names } = await contents(folder);
    const path = (ending: string): string => join(inner, names.find((name) => name.endsWith(ending))!);
    if (damage === "cut") await truncate(path(".image.npy"), (await stat(path(".image.npy"))).size - 1);
    if (damage === "longer") await writeFile(path(".labels.npy"), Buffer.concat([await readFile(path(".labels.npy")), Buffer.alloc(1)]));
    if (damage === "another header") await writeFile(path(".image.npy"), (await readFile(path(".image.npy"))).fill(0, 0, 64));
    if (damage === "no JSON") await writeFile(path(".json"), "{");
    if (damage === "another id") await writeFile(path(".json"), (await readFile(path(".json"), "utf8")).replace("case-0", "case-9"));
    if (damage === "gone") await rm(path(".labels.npy"));
    const { cache, cases, loads } = open(folder);
    const slices = await Promise.all([5, 0, 5].map((slice) => cache.slice("case-0", slice)));
    expect(loads).toEqual(["case-0"]);
    expect(slices[0]).toEqual(await cases.slice("case-0", 5, 6));
    expect((await contents(folder)).names).toEqual(names);
  });

  it("makes files anew that vanish or shrink while it is open", async () => {
    const folder = await fresh();
    const { cache, cases } = open(folder);
    const expected = await cases.slice("case-0", 5, 6);
    await cache.slice("case-0", 5);
    const { inner, names } = await contents(folder);
    const image = join(inner, names.find((name) => name.endsWith(".image.npy"))!);
    await truncate(image, 2000);
    expect(await cache.slice("case-0", 5)).toEqual(expected);
    await rm(folder, { recursive: true });
    await expect(cache.slice("case-0", 5)).rejects.toMatchObject({ code: "file.write" });
  });

  it("may be filled by several at a time", async () => {
    const folder = await fresh();
    const caches = Array.from({ length: 4 }, () => open(folder));
    const slices = await Promise.all(caches.flatMap(({ cache }) => [cache.slice("case-0", 2), cache.slice("case-1", 2)]));
    for (let i = 2; i < slices.length; i += 2) expect(slices.slice(i, i + 2)).toEqual(slices.slice(0, 2));
    expect((await contents(folder)).names.filter((name) => name.endsWith(".tmp"))).toEqual([]);
    for (const { loads } of caches) expect(loads.length).toBeLessThanOrEqual(2);
  });

  it("leaves nothing behind where a case is not valid, and tells why each time", async () => {
    const folder = await fresh();
    const volumes = tinyVolumes({ depths });
    const dataset: SegmentationDataset = {
      ...volumes,
      load: async (id) => {
        const read = await volumes.load(id);
        return { ...read, labels: { ...read.labels, slice: (index) => new Uint8Array(120).fill(index === 4 ? 77 : 0) } };
      },
    };
    const { cache } = open(folder, { dataset });
    for (let attempt = 0; attempt < 2; attempt++) await expect(cache.summarize("case-0")).rejects.toMatchObject({ code: "datasets.labels" });
    expect((await contents(folder)).names).toEqual(["index.json"]);
  });

  it("says beforehand that the slices do not fit the disk", async () => {
    const folder = await fresh();
    // A slice of case-0 has 12 · 10 · (2 · 4 + 1 + 1) bytes.
    const expected = { cases: 100, slices: 1000 };
    await expect(open(folder, { expected, freeBytes: async () => 1_199_999 }).cache.summarize("case-0")).rejects.toMatchObject({
      code: "datasets.space",
      message: expect.stringMatching(/need about 0\.00120 GB more in .*cache-.*choose another cacheFolder/),
    });
    await open(folder, { expected, freeBytes: async () => 1_200_000 }).cache.summarize("case-0");
    // One of 100 is there, and slices of case-1 have no field of view.
    await open(folder, { expected, freeBytes: async () => 990 * 12 * 10 * 9 }).cache.summarize("case-1");
  });

  it("takes any id", async () => {
    const folder = await fresh();
    const volumes = tinyVolumes({ depths });
    const dataset: SegmentationDataset = { ...volumes, load: () => volumes.load("case-0") };
    const { cache, loads } = open(folder, { dataset });
    const ids = ["../up", "/etc/passwd", "a/b", "a:b", "größe", "x".repeat(400), "con", "."];
    for (const id of ids) expect((await cache.slice(id, 1)).labels).toHaveLength(120);
    expect(loads).toEqual(ids);
    expect((await contents(folder)).names).toHaveLength(1 + 4 * ids.length);
  });

  it("survives a process that is killed while it writes", async () => {
    const folder = await fresh();
    const script = `
      import { writeSliceFiles } from ${JSON.stringify(new URL("./slice-files.ts", import.meta.url).href)};
      await writeSliceFiles([{ path: ${JSON.stringify(join(folder, "x.npy"))}, type: "u1", shape: [3, 4] }], (index) => {
        if (index === 2) process.kill(process.pid, "SIGKILL");
        return [new Uint8Array(4)];
      });`;
    const flags = ["--conditions=@hidiff/source", "--import", "tsx", "--input-type=module", "--eval", script];
    await expect(promisify(execFile)(process.execPath, flags, { cwd: join(import.meta.dirname, "../../../..") })).rejects.toMatchObject({ signal: "SIGKILL" });
    const [left, ...others] = await readdir(folder);
    expect(left).toMatch(/^x\.npy\..*\.tmp$/);
    expect(others).toEqual([]);
    // The next run that writes into such a folder clears it away.
    await open(folder).cache.summarize("case-0");
    const { inner } = await contents(folder, left);
    await writeFile(join(inner, left!), "half");
    await open(folder).cache.summarize("case-1");
    expect((await readdir(inner)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
