import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError, removeAbandoned, writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { z } from "zod";
import type { Preprocessing } from "../preprocessing/schema.ts";
import type { PriorOptions } from "../priors/with-priors.ts";
import type { DatasetSpec } from "../registry.ts";
import type { CaseStore, CaseSummary, DatasetCases } from "./case-store.ts";
import type { PreparedSlice } from "./prepared-case.ts";
import { isSliceFile, readSlice, type SliceFile, sliceBytes, writeSliceFiles } from "./slice-files.ts";

/** Changes whenever the same data set and preprocessing give other files. */
const formatVersion = 1;

export interface SliceCacheOptions {
  readonly folder: string;
  readonly spec: DatasetSpec;
  readonly preprocessing: Preprocessing;
  /** Where the cases' priors are from, if they have some. */
  readonly priors?: PriorOptions | undefined;
  /** How much there will be, to tell before it is too late that it does not fit. */
  readonly expected: { readonly cases: number; readonly slices: number };
  /** How many bytes are free; default: those of the folder's file system. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

const caseSchema = z.strictObject({
  id: z.string(),
  depth: z.number().int().positive(),
  height: z.number().int().positive(),
  width: z.number().int().positive(),
  channels: z.number().int().positive(),
  outside: z.array(z.number()),
  fieldOfView: z.boolean(),
  priorChannels: z.number().int().positive().optional(),
  foreground: z.array(z.number().int().min(0)),
});

/** What the cache knows of a case. */
type CachedCase = z.infer<typeof caseSchema>;

/**
 * Preprocessed slices on disk: each case is read and preprocessed once, then its slices are read where they lie.
 *
 * A folder below the given one belongs to one data set, its options, one preprocessing and one folder of priors, which its
 * `index.json` says. It holds, of each case, `.image.npy` (float32 [slices, height, width, channels]), `.labels.npy` and,
 * where there is one, `.field-of-view.npy` (uint8 [slices, height, width]) and `.prior.npy` (float32 [slices, height, width,
 * classes]), and `.json`, which is written last. Files appear complete or not at all, so that any number of processes may
 * fill and read the cache; what a killed one left half-written is removed. Missing and damaged files are made anew. Source
 * files that change are not noticed: delete the folder then.
 */
export class SliceCache implements CaseStore {
  readonly #cases: DatasetCases;
  readonly #options: SliceCacheOptions;
  readonly #folder: string;
  readonly #known = new Map<string, Promise<CachedCase>>();
  /** Cases are made one after the other, so that one at a time is in memory. */
  #making: Promise<unknown> = Promise.resolve();
  #checkedSpace = false;

  constructor(cases: DatasetCases, options: SliceCacheOptions) {
    this.#cases = cases;
    this.#options = options;
    this.#folder = join(options.folder, cacheKey(options));
  }

  async summarize(id: string): Promise<CaseSummary> {
    const { depth, foreground } = await this.#case(id);
    return { depth, foreground };
  }

  async slice(id: string, slice: number): Promise<PreparedSlice> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const known = await this.#case(id);
      if (slice >= known.depth) {
        throw new HidiffError("datasets.slice", `load: "${id}" has ${known.depth} slices in ${this.#folder}, there is no slice ${slice}; delete that folder.`);
      }
      const arrays = await Promise.all(this.#files(known).map((file) => readSlice(file, slice)));
      if (arrays.every((array) => array !== undefined)) {
        const { height, width, channels, outside } = known;
        const [image, labels, ...rest] = arrays as [Float32Array, Uint8Array, ...(Float32Array | Uint8Array)[]];
        const fieldOfView = known.fieldOfView ? (rest.shift() as Uint8Array) : undefined;
        const prior = known.priorChannels !== undefined ? (rest.shift() as Float32Array) : undefined;
        return {
          height,
          width,
          channels,
          image,
          outside,
          labels,
          ...(fieldOfView === undefined ? {} : { fieldOfView }),
          ...(prior === undefined ? {} : { prior }),
        };
      }
      this.#known.delete(id); // damaged or deleted since it was checked
    }
    throw new HidiffError("datasets.cache", `load: the slices of "${id}" in ${this.#folder} vanish while they are read; let nothing else change that folder.`);
  }

  #case(id: string): Promise<CachedCase> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const found = this.#find(id).then((stored) => stored ?? this.#make(id));
    this.#known.set(id, found);
    found.catch(() => this.#known.delete(id));
    return found;
  }

  /** A case whose files are all there. */
  async #find(id: string): Promise<CachedCase | undefined> {
    const text = await readFile(this.#path(id, ".json"), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    const { data } = caseSchema.safeParse(value);
    if (data === undefined || data.id !== id) return undefined;
    const complete = await Promise.all(this.#files(data).map(isSliceFile));
    return complete.every(Boolean) ? data : undefined;
  }

  #make(id: string): Promise<CachedCase> {
    const made = this.#making.then(() => this.#write(id));
    this.#making = made.catch(() => undefined);
    return made;
  }

  async #write(id: string): Promise<CachedCase> {
    const prepared = await this.#cases.open(id);
    const { depth, height, width, channels, outside, hasFieldOfView, priorChannels } = prepared;
    const foreground: number[] = [];
    const made: CachedCase = { id, depth, height, width, channels, outside: [...outside], fieldOfView: hasFieldOfView, priorChannels, foreground };
    const files = this.#files(made);
    await this.#prepareFolder(files);
    await writeSliceFiles(files, (index) => {
      const { image, labels, fieldOfView, prior } = prepared.slice(index);
      if (labels.some((label) => label !== 0)) foreground.push(index);
      return [image, labels, fieldOfView, prior].filter((array) => array !== undefined);
    });
    await writeFileAtomic(this.#path(id, ".json"), JSON.stringify(made));
    return made;
  }

  /** Makes the folder, and tells whether all slices will fit if they are like these. */
  async #prepareFolder(files: readonly SliceFile[]): Promise<void> {
    if (this.#checkedSpace) return;
    await mkdir(this.#folder, { recursive: true }).catch((error: unknown) => {
      throw fileError("write", this.#folder, error);
    });
    await removeAbandoned(this.#folder); // before the free space is measured
    const { spec, preprocessing, priors, expected, freeBytes = freeBytesOf } = this.#options;
    const stored = (await readdir(this.#folder)).filter((name) => name.endsWith(".json") && name !== "index.json").length;
    const left = expected.slices * Math.max(0, 1 - stored / Math.max(1, expected.cases));
    const needed = left * files.reduce((sum, file) => sum + sliceBytes(file), 0);
    const free = await freeBytes(this.#folder);
    if (needed > free) {
      throw new HidiffError(
        "datasets.space",
        `prepare: the slices of "${spec.name}" need about ${gigabytes(needed)} more in ${this.#folder}, where ${gigabytes(free)} are free; ` +
          `choose another cacheFolder, or go without one.`,
      );
    }
    const index = { format: "hidiff-slices", version: formatVersion, dataset: spec, preprocessing, priors };
    await writeFileAtomic(join(this.#folder, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
    this.#checkedSpace = true;
  }

  #files({ id, depth, height, width, channels, fieldOfView, priorChannels }: CachedCase): SliceFile[] {
    const files: SliceFile[] = [
      { path: this.#path(id, ".image.npy"), type: "f4", shape: [depth, height, width, channels] },
      { path: this.#path(id, ".labels.npy"), type: "u1", shape: [depth, height, width] },
    ];
    if (fieldOfView) files.push({ path: this.#path(id, ".field-of-view.npy"), type: "u1", shape: [depth, height, width] });
    if (priorChannels !== undefined) files.push({ path: this.#path(id, ".prior.npy"), type: "f4", shape: [depth, height, width, priorChannels] });
    return files;
  }

  /** Ids may hold anything: what file systems do not take is left out, and the hash tells the names apart. */
  #path(id: string, ending: string): string {
    const readable = id.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, 60);
    return join(this.#folder, `${readable}-${sha256(id).slice(0, 12)}${ending}`);
  }
}

function cacheKey({ spec, preprocessing, priors }: SliceCacheOptions): string {
  const rooted = typeof spec.root === "string" ? { ...spec, root: resolve(spec.root) } : spec;
  const external = priors === undefined ? [] : [resolve(priors.folder)];
  return sha256(JSON.stringify([formatVersion, sorted(rooted), sorted(preprocessing), ...external])).slice(0, 16);
}

/** Objects with their keys in alphabetic order, so that equal ones have equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => [key, sorted(entry)]));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function freeBytesOf(folder: string): Promise<number> {
  const { blocks, bavail, bsize } = await statfs(folder);
  return blocks === 0 ? Infinity : bavail * bsize; // some file systems do not tell
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toPrecision(3)} GB`;
}
