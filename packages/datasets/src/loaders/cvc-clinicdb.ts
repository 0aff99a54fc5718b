import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { splitByFraction } from "../splits/fractions.ts";
import { cvcClinicDbSequence } from "../splits/lists/cvc-clinicdb.ts";
import type { SegmentationDataset } from "../types.ts";
import { listFiles, type NamedFiles, partner, refuseStrays, unusedNote } from "./photographs/partners.ts";
import { type Photograph, photographDataset, polypPreprocessing } from "./photographs/photograph-dataset.ts";

export interface CvcClinicDbOptions {
  /** Share of the frames for validation, in whole sequences. Default 0.1. */
  readonly validation?: number;
  /** Share of the frames for testing, in whole sequences. Default 0.1. */
  readonly test?: number;
  /** Which sequences go where. Default 0. */
  readonly seed?: number | string;
}

const expected =
  'a folder of CVC-ClinicDB; give the one that holds "Original" and "Ground Truth" of the unpacked data set, with tif or png files: ' +
  "Original/1.tif, Ground Truth/1.tif, … 612";

/**
 * CVC-ClinicDB (Bernal et al. 2015): 612 frames of 384×288 pixels from colonoscopies, each with a polyp, from its original
 * files. Ids are the frames' numbers. Neighbouring frames are nearly the same image, so the splits keep each sequence
 * whole (see `splits/lists/cvc-clinicdb.ts`); the sequences are the groups, `sequence-1` and so on.
 *
 * @param root the folder that holds `Original` and `Ground Truth`
 * @throws `datasets.layout` for a missing folder, a file without its partner or a number that is no frame's,
 * `datasets.option` for options out of range. `load` rejects as that of {@link photographDataset}.
 */
export async function openCvcClinicDb(root: string, options: CvcClinicDbOptions = {}): Promise<SegmentationDataset> {
  const imageFolder = join(root, "Original");
  const maskFolder = join(root, "Ground Truth");
  const imageFiles = await listFiles("openCvcClinicDb", imageFolder, expected);
  const maskFiles = await listFiles("openCvcClinicDb", maskFolder, expected);
  const images = frames(imageFiles);
  const masks = frames(maskFiles);
  if (images.size === 0) {
    throw new HidiffError("datasets.layout", `openCvcClinicDb: "${imageFolder}" holds no image named like "1.tif" or "1.png". Expected ${expected}`);
  }
  const photographs: Photograph[] = [...images].map(([frame, name]) => {
    const image = join(imageFolder, name);
    const sequence = cvcClinicDbSequence(frame);
    if (sequence === undefined) {
      throw new HidiffError(
        "datasets.layout",
        `openCvcClinicDb: "${image}" is no frame of CVC-ClinicDB, which has the frames 1 to 612. Remove it, or open the folder as one of your own ` +
          `(openFolderDataset).`,
      );
    }
    return {
      id: String(frame),
      image,
      mask: partner("openCvcClinicDb", image, "mask", maskFiles, masks.get(frame) ?? name),
      group: `sequence-${sequence}`,
    };
  });
  refuseStrays("openCvcClinicDb", [...masks].filter(([frame]) => !images.has(frame)).map(([, name]) => join(maskFolder, name)));
  const splits = splitByFraction(
    photographs.map(({ id }) => id),
    {
      fractions: { validation: options.validation ?? 0.1, test: options.test ?? 0.1 },
      seed: options.seed ?? 0,
      groups: new Map(photographs.map(({ id, group }) => [id, group!])),
    },
  );
  const notes = [imageFiles, maskFiles].flatMap((files) => unusedNote(files, (name) => frameName.test(name), "1.tif"));
  if (photographs.length !== publishedCount) {
    notes.push(`The folder has ${photographs.length} of CVC-ClinicDB's ${publishedCount} frames, so that the splits are not those of all frames.`);
  }
  return photographDataset({ name: "cvc-clinicdb", root, photographs, classNames: ["polyp"], splits, preprocessing: polypPreprocessing, notes });
}

const frameName = /^(\d+)\.(tiff?|png)$/i;
/** How many frames CVC-ClinicDB has. */
const publishedCount = 612;

/** The names of the files by frame, in order of the frames. */
function frames({ folder, names }: NamedFiles): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of names) {
    const number = frameName.exec(name)?.[1];
    if (number === undefined) continue;
    const other = found.get(Number(number));
    if (other !== undefined) {
      throw new HidiffError(
        "datasets.layout",
        `openCvcClinicDb: "${join(folder, other)}" and "${join(folder, name)}" are the same frame. Keep one of them in the folder.`,
      );
    }
    found.set(Number(number), name);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}
