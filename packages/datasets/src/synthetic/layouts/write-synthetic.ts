import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { exists, fileError, writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { z } from "zod";
import { resolveInside } from "../../files/inside.ts";
import { planBrats2021 } from "./brats2021.ts";
import { planChaseDb1 } from "./chase-db1.ts";
import { planCvcClinicDb } from "./cvc-clinicdb.ts";
import { planDrive } from "./drive.ts";
import { planFolder } from "./folder.ts";
import { planKvasirSeg } from "./kvasir-seg.ts";
import { planMsd } from "./msd.ts";
import type { LayoutOptions, PlannedFile } from "./planned-file.ts";
import { planSynapse, planSynapseRaw } from "./synapse.ts";

/** The data sets that can be drawn, by the name under which they are opened; `synapse-raw` is opened as `synapse`. */
export type SyntheticKind = "drive" | "chase-db1" | "kvasir-seg" | "cvc-clinicdb" | "synapse" | "synapse-raw" | "brats2021" | "msd" | "folder";

export interface WriteSyntheticOptions {
  /** Default 0. */
  readonly seed?: number | string;
  /**
   * The width of the images in pixels, at least 32 (of Kvasir-SEG's, which vary, the average). The defaults are small;
   * the originals have 565 (drive), 999 (chase-db1), about 600 (kvasir-seg), 384 (cvc-clinicdb), 512 (synapse) and 240
   * (brats2021). MSD's volumes have their own size.
   */
  readonly size?: number;
  /** The number of slices of synapse and brats2021; the originals have about 120 and 155. */
  readonly depth?: number;
  /**
   * How many cases there are. Where the original has no split of its own (cvc-clinicdb, brats2021), only the sum counts;
   * for msd, `test` are its images without labels.
   */
  readonly count?: { readonly train?: number; readonly validation?: number; readonly test?: number };
  /** Called after each file. */
  readonly onFile?: (progress: { readonly path: string; readonly done: number; readonly total: number }) => void;
}

interface Layout {
  plan(options: LayoutOptions): PlannedFile[];
  readonly defaults: Omit<LayoutOptions, "seed">;
  /** How many cases the original's names allow. */
  readonly most?: { readonly train?: number; readonly validation?: number; readonly test?: number; readonly all?: number };
}

const layouts: Readonly<Record<SyntheticKind, Layout>> = {
  drive: { plan: planDrive, defaults: { size: 96, depth: 1, train: 4, validation: 0, test: 2 }, most: { train: 20, validation: 0, test: 20 } },
  "chase-db1": { plan: planChaseDb1, defaults: { size: 96, depth: 1, train: 4, validation: 0, test: 2 }, most: { all: 28 } },
  "kvasir-seg": { plan: planKvasirSeg, defaults: { size: 96, depth: 1, train: 6, validation: 2, test: 2 } },
  "cvc-clinicdb": { plan: planCvcClinicDb, defaults: { size: 96, depth: 1, train: 12, validation: 3, test: 3 }, most: { all: 612 } },
  synapse: { plan: planSynapse, defaults: { size: 64, depth: 12, train: 3, validation: 0, test: 2 }, most: { train: 18, validation: 0, test: 12 } },
  "synapse-raw": { plan: planSynapseRaw, defaults: { size: 64, depth: 12, train: 3, validation: 0, test: 2 }, most: { train: 18, validation: 0, test: 12 } },
  brats2021: { plan: planBrats2021, defaults: { size: 60, depth: 24, train: 3, validation: 0, test: 1 } },
  msd: { plan: planMsd, defaults: { size: 36, depth: 35, train: 5, validation: 1, test: 2 } },
  folder: { plan: planFolder, defaults: { size: 96, depth: 1, train: 4, validation: 1, test: 1 } },
};

export const syntheticKinds: readonly SyntheticKind[] = Object.keys(layouts) as SyntheticKind[];

/** The file that marks a folder as written here, with the names of its files. */
const marker = "hidiff-synthetic.json";
const markerSchema = z.object({ kind: z.string(), files: z.array(z.string()) });

/**
 * Draws a data set and writes it in the folders and formats of the original, so that its loader opens it. A case depends
 * on kind, seed, size, depth and its own name only. Beside the original's files, the folder gets `hidiff-synthetic.json`,
 * which lists them: the same kind can be written there again, other files are never touched.
 *
 * @param root a folder that is empty, does not exist yet, or was written by this function with the same kind
 * @returns the paths of the files in the folder
 * @throws `datasets.option` for an unknown kind and options out of range, `datasets.folder` for a folder with other
 * content, `file.write`
 */
export async function writeSynthetic(kind: SyntheticKind, root: string, options: WriteSyntheticOptions = {}): Promise<readonly string[]> {
  const files = planFiles(kind, options);
  const known = await openFolder(kind, root);
  const planned = new Set(files.map(({ path }) => path));
  for (const path of planned) {
    if (!known.has(path) && (await exists(join(root, path)))) {
      throw new HidiffError(
        "datasets.folder",
        `writeSynthetic: "${join(root, path)}" is in the way: it was not written by this function. Move it away, or choose another folder.`,
      );
    }
  }
  // The marker comes first, so that whatever happens the folder can be written again.
  await writeMarker(kind, root, new Set([...known, ...planned]));
  for (const path of known) if (!planned.has(path)) await remove(resolveInside(root, path));
  let done = 0;
  for (const { path, write } of files) {
    const target = resolveInside(root, path);
    await makeFolder(dirname(target));
    await write(target);
    options.onFile?.({ path, done: ++done, total: files.length });
  }
  await writeMarker(kind, root, planned);
  return [...planned];
}

function planFiles(kind: SyntheticKind, options: WriteSyntheticOptions): PlannedFile[] {
  const layout = (layouts as Partial<Record<string, Layout>>)[kind];
  if (layout === undefined || !Object.hasOwn(layouts, kind)) {
    throw new HidiffError(
      "datasets.option",
      `writeSynthetic: there is no kind "${kind}".${didYouMean(kind, syntheticKinds)} Known: ${syntheticKinds.join(", ")}.`,
    );
  }
  const { defaults, most = {} } = layout;
  const integer = (name: string, value: number, least: number, limit: number): number => {
    if (Number.isInteger(value) && value >= least && value <= limit) return value;
    const range = limit === Infinity ? `≥ ${least}` : `from ${least} to ${limit}`;
    throw new HidiffError("datasets.option", `writeSynthetic: ${name} of "${kind}" must be an integer ${range}, got ${String(value)}.`);
  };
  const { seed = 0, count = {} } = options;
  const given = (name: "train" | "validation" | "test"): number =>
    integer(`count.${name}`, count[name] ?? (options.count === undefined ? defaults[name] : 0), 0, most[name] ?? Infinity);
  const counts = { train: given("train"), validation: given("validation"), test: given("test") };
  integer("the number of cases", counts.train + counts.validation + counts.test, 1, most.all ?? Infinity);
  return layout.plan({
    seed,
    size: integer("size", options.size ?? defaults.size, 32, 4096),
    depth: integer("depth", options.depth ?? defaults.depth, 1, 1000),
    ...counts,
  });
}

/** Makes the folder or checks that it may be written to. @returns the files that were written there before */
async function openFolder(kind: SyntheticKind, root: string): Promise<Set<string>> {
  await makeFolder(root);
  const names = await readdir(root).catch((error: unknown) => {
    throw fileError("read", root, error);
  });
  if (names.length === 0) return new Set();
  const refuse = (why: string): HidiffError =>
    new HidiffError("datasets.folder", `writeSynthetic: the folder "${root}" ${why}. Choose another one, or empty it.`);
  if (!names.includes(marker)) throw refuse(`is not empty and was not written by this function (it has no "${marker}")`);
  const path = join(root, marker);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  let found: z.infer<typeof markerSchema>;
  try {
    found = markerSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new HidiffError("datasets.folder", `writeSynthetic: "${path}" is damaged. Choose another folder, or empty this one.`, { cause: error });
  }
  if (found.kind !== kind) throw refuse(`holds the synthetic data set "${found.kind}", not "${kind}"`);
  return new Set(found.files);
}

async function writeMarker(kind: SyntheticKind, root: string, files: ReadonlySet<string>): Promise<void> {
  const content = { note: "Drawn by hidiff, not measured. This list tells which files may be written again.", kind, files: [...files].sort() };
  await writeFileAtomic(join(root, marker), `${JSON.stringify(content, undefined, 1)}\n`);
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw fileError("write", path, error);
  });
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch((error: unknown) => {
    throw fileError("write", path, error);
  });
}
