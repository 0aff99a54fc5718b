import { basename, dirname, join, posix } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { checkInside, joinInside } from "../files/inside.ts";
import { listFolder } from "../files/list-folder.ts";
import { imageExtensions } from "../raster/image-paths.ts";
import { firstFew } from "../splits/check.ts";
import { volumeExtensions } from "../volumes/volume-paths.ts";

/** The ends of the names, before the extension, of files that hold probabilities for sure. */
const probabilitySuffixes = ["_probability", "_probabilities", "_prob"] as const;

/** What a prior's file may be called, behind the case's id and before the extension, the most wanted first. */
const endings = [
  { suffixes: probabilitySuffixes, kind: "probabilities" },
  { suffixes: [""], kind: "file" },
  { suffixes: ["_mask", "_seg", "_prediction", "_pred"], kind: "mask" },
] as const;

/** Longer ones first, so that `.nii.gz` is one. */
const extensions: readonly string[] = [".npz", ...volumeExtensions, ...imageExtensions].toSorted((a, b) => b.length - a.length);

/** Whether a file is called as one of probabilities. */
export function saysProbabilities(path: string): boolean {
  const name = stemOf(basename(path)) ?? "";
  return probabilitySuffixes.some((suffix) => name.endsWith(suffix));
}

/** A file's name without the extension, or undefined for names that no prior has. */
function stemOf(name: string): string | undefined {
  const extension = extensions.find((ending) => name.toLowerCase().endsWith(ending));
  return extension === undefined ? undefined : name.slice(0, -extension.length);
}

/** The priors of a folder. */
interface FoundPriors {
  /** The file of each case. */
  readonly files: ReadonlyMap<string, string>;
  /** What the user should know of the choice, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Finds the file of each case in a folder of another program's masks or probabilities: the case's id with the extension of an
 * image, a volume or `.npz`, or with `_mask`, `_prob` and the like behind the id. Of several files probabilities are taken: an
 * `.npz` first (nnU-Net writes one beside each mask), then what is called so, then the id alone, then masks. An image that is
 * called `CASE_0000`, as nnU-Net calls its inputs, may have the prior `CASE`.
 *
 * @throws `datasets.layout` for a folder that cannot be read; `datasets.priors` for cases without a file, of which it tells the
 * number and the first, and for two files that are equally good; `datasets.path` for a link that leads out of the folder
 */
export async function findPriors(folder: string, ids: readonly string[]): Promise<FoundPriors> {
  const files = new Map<string, string>();
  const missing: string[] = [];
  const chosen: string[] = [];
  const taken = new Set(ids);
  const folders = new Map<string, Map<string, string[]>>();
  for (const id of ids) {
    const place = dirname(joinInside(folder, id));
    let names = folders.get(place);
    if (names === undefined) {
      names = await filesByStem(place);
      folders.set(place, names);
    }
    const candidates = candidatesOf(posix.basename(id), names, taken) ?? candidatesOf(posix.basename(id).replace(/_0000$/, ""), names, taken);
    const [best, ...others] = candidates ?? [];
    if (best === undefined) {
      missing.push(id);
      continue;
    }
    const path = join(place, best.name);
    const equal = others.find(({ rank }) => rank === best.rank);
    if (equal !== undefined) {
      const both = `"${path}" and "${join(place, equal.name)}"`;
      throw new HidiffError("datasets.priors", `findPriors: ${both} may both be the prior of "${id}". Remove one of them.`);
    }
    checkInside(folder, path);
    files.set(id, path);
    if (others.length > 0) chosen.push(`"${best.name}" and not ${others.map(({ name }) => `"${name}"`).join(", ")}`);
  }
  if (missing.length > 0) {
    throw new HidiffError(
      "datasets.priors",
      `findPriors: "${folder}" has no file for ${missing.length} of ${ids.length} cases: ${firstFew(missing)}. Expected one a case, ` +
        `called by its id, such as "${missing[0]}.png", "${missing[0]}_mask.png", "${missing[0]}.nii.gz" or "${missing[0]}.npz".`,
    );
  }
  const note = `Several files in "${folder}" fit for ${chosen.length} case(s), of which probabilities are taken before masks: ${firstFew(chosen)}.`;
  return { files, notes: chosen.length === 0 ? [] : [note] };
}

/** The names of the files in a folder that may be priors, by what stands before the extension. */
async function filesByStem(folder: string): Promise<Map<string, string[]>> {
  const files = new Map<string, string[]>();
  for (const name of await listFolder(folder, "the folder of priors, a mask or probabilities a case")) {
    const stem = stemOf(name);
    if (stem === undefined) continue;
    files.set(stem, [...(files.get(stem) ?? []), name]);
  }
  return files;
}

interface Candidate {
  readonly name: string;
  /** The smallest is taken. */
  readonly rank: number;
}

/**
 * The files that may be a case's, the best first; undefined for none.
 *
 * @param taken ids: a file that is called as another case is that one's
 */
function candidatesOf(id: string, files: ReadonlyMap<string, readonly string[]>, taken: ReadonlySet<string>): Candidate[] | undefined {
  const found = endings.flatMap(({ suffixes, kind }, place) =>
    suffixes.flatMap((suffix): Candidate[] => {
      if (suffix !== "" && taken.has(id + suffix)) return [];
      return (files.get(id + suffix) ?? []).map((name) => ({ name, rank: kind !== "mask" && name.toLowerCase().endsWith(".npz") ? -1 : place }));
    }),
  );
  return found.length === 0 ? undefined : found.toSorted((a, b) => a.rank - b.rank);
}
