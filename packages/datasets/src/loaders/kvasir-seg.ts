import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { resolveInside } from "../files/inside.ts";
import { readListFile } from "../files/list-file.ts";
import { listFolder } from "../files/list-folder.ts";
import { checkDisjoint, firstFew, unlistedNote } from "../splits/check.ts";
import { kvasirSegPranetTest, kvasirSegTest, kvasirSegValidation } from "../splits/lists/kvasir-seg.ts";
import { type ValidationChoice, validationFrom } from "../splits/validation-from.ts";
import type { SegmentationDataset, SplitName } from "../types.ts";
import { listFiles, partner, refuseStrays, unusedNote } from "./photographs/partners.ts";
import { type Photograph, photographDataset, polypPreprocessing } from "./photographs/photograph-dataset.ts";

export interface KvasirSegOptions {
  /**
   * `random` (default): 800 images for training, 100 for validation, 100 for testing, by `train.txt`, `val.txt` and
   * `test.txt` of the folder where it has all three, else by this package's copy of them. `pranet`: the 100 test images
   * of PraNet's benchmark, the rest for training.
   */
  readonly split?: "random" | "pranet";
  /**
   * Lists of ids instead, a line each: paths inside of the folder, such as `{ train: "train.txt", test: "test.txt" }`.
   * Without one for training, that is every image of no other list; without one for validation, see `validation`.
   */
  readonly lists?: { readonly train?: string; readonly validation?: string; readonly test?: string };
  /** Where the split has no validation images: how many training images (the last ones) serve as such, or their ids. Default 0. */
  readonly validation?: ValidationChoice;
}

/** The ids of each split by the name of their list. Those without a list are made of the other ids. */
type Lists = Partial<Record<SplitName, { readonly source: string; readonly ids: readonly string[] }>>;

const expected =
  'a folder of Kvasir-SEG; give the one that holds "images" and "masks" of the unpacked data set: ' +
  "images/cju0qkwl35piu0993l0dewei2.jpg, masks/cju0qkwl35piu0993l0dewei2.jpg, …";
/** How many images Kvasir-SEG has. */
const publishedCount = 1000;
const rootLists = { train: "train.txt", validation: "val.txt", test: "test.txt" } as const;

/**
 * Kvasir-SEG (Jha et al. 2020): 1000 colonoscopy images of various sizes with polyps, from its original files. Ids are the
 * images' names without extension. Masks are JPEG files with compression noise: foreground is above 127.
 *
 * @param root the folder that holds `images` and `masks`
 * @throws `datasets.layout` for a missing folder or a file without its partner, `datasets.option` for options out of range
 * and lists with unknown ids, `datasets.overlap` for lists that share ids, `datasets.path` for a list outside of the folder.
 * `load` rejects as that of {@link photographDataset}.
 */
export async function openKvasirSeg(root: string, options: KvasirSegOptions = {}): Promise<SegmentationDataset> {
  const notes: string[] = [];
  const photographs = await listPhotographs(root, notes);
  const ids = photographs.map(({ id }) => id);
  const lists = await chooseLists(root, options, notes);
  checkDisjoint("openKvasirSeg", Object.values(lists).map(({ source, ids }) => [source, ids] as const));
  const known = new Set(ids);
  for (const list of Object.values(lists)) {
    const unknown = list.ids.filter((id) => !known.has(id));
    if (unknown.length > 0) {
      throw new HidiffError(
        "datasets.option",
        `openKvasirSeg: ${unknown.length} of the ${list.ids.length} ids of "${list.source}" have no image in "${join(root, "images")}": ` +
          `${firstFew(unknown)}. Restore the images, or name other lists by the option "lists".`,
      );
    }
  }
  const listed = new Set(Object.values(lists).flatMap((list) => list.ids));
  const train = lists.train?.ids ?? ids.filter((id) => !listed.has(id));
  if (train.length === 0) {
    throw new HidiffError("datasets.option", `openKvasirSeg: the lists leave none of the ${ids.length} images of "${root}" for training.`);
  }
  if (lists.validation !== undefined && options.validation !== undefined) {
    throw new HidiffError(
      "datasets.option",
      `openKvasirSeg: the validation images are those of "${lists.validation.source}"; leave the option "validation" out, ` +
        `or choose the split "pranet" or lists without one for validation.`,
    );
  }
  const test = lists.test?.ids ?? [];
  const splits =
    lists.validation === undefined
      ? { ...validationFrom("openKvasirSeg", train, options.validation ?? 0), test }
      : { train, validation: lists.validation.ids, test };
  notes.push(...unlistedNote(ids, splits));
  if (lists.train === undefined && options.lists === undefined && ids.length !== publishedCount) {
    notes.push(`The folder has ${ids.length} images, Kvasir-SEG ${publishedCount}, so that its training images are not those of the published split.`);
  }
  return photographDataset({ name: "kvasir-seg", root, photographs, classNames: ["polyp"], splits, preprocessing: polypPreprocessing, notes });
}

async function listPhotographs(root: string, notes: string[]): Promise<Photograph[]> {
  const images = await listFiles("openKvasirSeg", join(root, "images"), expected);
  const masks = await listFiles("openKvasirSeg", join(root, "masks"), expected);
  const isJpeg = (name: string): boolean => /\.jpg$/i.test(name);
  const photographs = images.names.filter(isJpeg).map((name) => {
    const image = join(images.folder, name);
    return { id: name.slice(0, -".jpg".length), image, mask: partner("openKvasirSeg", image, "mask", masks, name) };
  });
  if (photographs.length === 0) {
    throw new HidiffError("datasets.layout", `openKvasirSeg: "${images.folder}" holds no jpg image. Expected ${expected}`);
  }
  const strays = masks.names.filter((name) => isJpeg(name) && !images.byLowerCase.has(name.toLowerCase()));
  refuseStrays("openKvasirSeg", strays.map((name) => join(masks.folder, name)));
  for (const files of [images, masks]) notes.push(...unusedNote(files, isJpeg, "cju0qkwl35piu0993l0dewei2.jpg"));
  return photographs;
}

async function chooseLists(root: string, options: KvasirSegOptions, notes: string[]): Promise<Lists> {
  const { split, lists } = options;
  if (lists !== undefined) {
    if (split !== undefined) {
      throw new HidiffError("datasets.option", `openKvasirSeg: give "split" or "lists", not both; got split "${split}".`);
    }
    return readLists(root, lists);
  }
  switch (split ?? "random") {
    case "random": {
      const present = new Set(await listFolder(root, expected));
      const [found, absent] = [true, false].map((there) => Object.values(rootLists).filter((name) => present.has(name) === there));
      if (absent!.length === 0) return readLists(root, rootLists);
      if (found!.length > 0) {
        notes.push(
          `The folder has ${found!.join(" and ")} without ${absent!.join(" and ")}: the package's own lists are used instead. ` +
            `Name lists by the option "lists" to use them.`,
        );
      }
      return {
        validation: { source: "the package's list of validation images", ids: kvasirSegValidation },
        test: { source: "the package's list of test images", ids: kvasirSegTest },
      };
    }
    case "pranet":
      return { test: { source: "the package's list of PraNet's test images", ids: kvasirSegPranetTest } };
    default:
      throw new HidiffError("datasets.option", `openKvasirSeg: split must be "random" or "pranet", got ${JSON.stringify(split)}.`);
  }
}

async function readLists(root: string, files: NonNullable<KvasirSegOptions["lists"]>): Promise<Lists> {
  const lists: Lists = {};
  for (const [name, file] of Object.entries(files)) {
    if (name !== "train" && name !== "validation" && name !== "test") {
      throw new HidiffError("datasets.option", `openKvasirSeg: lists has no split "${name}"; expected train, validation and test.`);
    }
    if (file === undefined) continue;
    const ids = (await readListFile(resolveInside(root, file))).map((line) => line.replace(/\.jpg$/i, ""));
    lists[name] = { source: file, ids };
  }
  if (lists.test === undefined && lists.validation === undefined && lists.train === undefined) {
    throw new HidiffError("datasets.option", `openKvasirSeg: lists names no file; expected such as { "train": "train.txt", "test": "test.txt" }.`);
  }
  return lists;
}
