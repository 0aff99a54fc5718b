import { isAbsolute, join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { parse } from "../../config/parse.ts";
import { exists } from "@hidiff/core-tensor/files-node";
import { checkInside, resolveInside } from "../../files/inside.ts";
import { readWholeFile } from "../../files/read-file.ts";
import { type Preprocessing, preprocessingSchema } from "../../preprocessing/schema.ts";

/** The file that describes a folder, where it has one. */
export const descriptionFile = "hidiff-dataset.yaml";

/** One case of a list of pairs. Paths are relative to the folder. */
export interface FolderPair {
  readonly image: string | Readonly<Record<string, string>>;
  readonly mask: string;
  readonly id?: string | undefined;
  readonly split?: string | undefined;
  readonly group?: string | undefined;
  readonly fieldOfView?: string | undefined;
}

/** What `hidiff-dataset.yaml` may say; everything may be left out. All paths are inside of the folder. */
export interface FolderDescription {
  /** Default: the folder's name. */
  readonly name?: string | undefined;
  /**
   * The images: a folder, or a pattern for file names in it such as `scans/*_flair.nii.gz`, where `*` is the id. Without
   * pattern the id is the name without extension. Default `images`, or `imagesTr` where that is there.
   */
  readonly images?: string | undefined;
  /** The masks, likewise. Default `masks`, or `labelsTr`. */
  readonly masks?: string | undefined;
  /** What follows the id in the names of masks, such as `_mask`. */
  readonly maskSuffix?: string | undefined;
  /** Masks of what the camera saw, likewise: a folder or pattern. */
  readonly fieldsOfView?: string | undefined;
  /** Instead of folders: a CSV file with the columns `image` and `mask`, and where wanted `id`, `split`, `group`, `fieldOfView`. */
  readonly table?: string | undefined;
  /** Instead of folders: the pairs themselves. */
  readonly pairs?: readonly FolderPair[] | undefined;
  /**
   * For volumes of several channels in a file each: the name of each channel, with what follows the id in the names of its
   * files (or the column of the table that holds their paths).
   */
  readonly channels?: Readonly<Record<string, string>> | undefined;
  /**
   * What the masks hold: `{ polyp: 255 }`, names with their values; or names alone for the values 1, 2, …; 0 is the background,
   * which may be named too, as the first one.
   */
  readonly classes?: readonly string[] | Readonly<Record<string, number | readonly number[]>> | undefined;
  /** For one class in image files: the foreground is above this value, 127 for JPEG masks. */
  readonly threshold?: number | undefined;
  /** For volumes: how slices lie. Default `axial`. */
  readonly plane?: "axial" | "coronal" | "sagittal" | "stored" | undefined;
  /** For volumes: what lies outside of the image, in the files' units: such as -1024 for CT. Default 0. */
  readonly outside?: number | undefined;
  /**
   * Lists of ids (`train: train.txt`), or shares of the cases (`validation: 0.1`, `test: 0.1`, `seed`), or a fold of a
   * cross-validation (`folds: 5`, `fold: 0`, `seed`, with the fold for testing and a share of the rest for `validation`).
   */
  readonly split?: FolderSplit | undefined;
  /** A regular expression whose one capture group, applied to the id, names the patient or sequence. */
  readonly groupBy?: string | undefined;
  readonly preprocessing?: Preprocessing | undefined;
  /** What happens to images without mask and masks without image. Default `error`; `skip` leaves them out with a note. */
  readonly unmatched?: "error" | "skip" | undefined;
  /** For volumes: what happens to a case whose header cannot be read when the data set is opened, likewise. */
  readonly badFiles?: "error" | "skip" | undefined;
}

export interface FolderSplit {
  readonly train?: string | undefined;
  readonly validation?: string | number | undefined;
  readonly test?: string | number | undefined;
  readonly folds?: number | undefined;
  readonly fold?: number | undefined;
  readonly seed?: string | number | undefined;
}

const text = z.string().min(1);
const listOrShare = z.union([text, z.number().min(0).max(1)]);
const value = z.number().int().min(0).max(65535);

const descriptionSchema = z.strictObject({
  name: text.optional(),
  images: text.optional(),
  masks: text.optional(),
  maskSuffix: text.optional(),
  fieldsOfView: text.optional(),
  table: text.optional(),
  pairs: z
    .array(
      z.strictObject({
        image: z.union([text, z.record(text, text)]),
        mask: text,
        id: text.optional(),
        split: text.optional(),
        group: text.optional(),
        fieldOfView: text.optional(),
      }),
    )
    .min(1)
    .optional(),
  channels: z.record(text, text).optional(),
  classes: z.union([z.array(text).min(1), z.record(text, z.union([value, z.array(value).min(1)]))]).optional(),
  threshold: z.number().optional(),
  plane: z.enum(["axial", "coronal", "sagittal", "stored"]).optional(),
  outside: z.number().optional(),
  split: z
    .strictObject({
      train: text.optional(),
      validation: listOrShare.optional(),
      test: listOrShare.optional(),
      folds: z.number().int().min(2).optional(),
      fold: z.number().int().min(0).optional(),
      seed: z.union([z.number(), text]).optional(),
    })
    .optional(),
  groupBy: text.optional(),
  preprocessing: preprocessingSchema.optional(),
  unmatched: z.enum(["error", "skip"]).optional(),
  badFiles: z.enum(["error", "skip"]).optional(),
});

/** The fields of a description. */
export const descriptionFields: readonly string[] = Object.keys(descriptionSchema.shape);

/**
 * The description of a folder: that of its `hidiff-dataset.yaml`, if any, with `options` in place of what it says.
 *
 * @param file another file than that: absolute, or inside of the folder; it must be there
 * @throws `config.invalid` for fields that do not exist or have wrong values, `datasets.description` for a file that is no
 * YAML, `file.read`, `datasets.path`
 */
export async function readDescription(root: string, options: FolderDescription, file?: string): Promise<FolderDescription> {
  const path = file === undefined ? join(root, descriptionFile) : isAbsolute(file) ? file : resolveInside(root, file);
  if (file === undefined && (await exists(root))) checkInside(root, path);
  const content = file === undefined && !(await exists(path)) ? undefined : (await readWholeFile(path)).toString("utf8");
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  if (content === undefined) return parse(descriptionSchema, given, "openFolderDataset: what is given as options");
  const described = parseDescription(content, path);
  return parse(descriptionSchema, { ...described, ...given }, Object.keys(given).length === 0 ? `"${path}"` : `"${path}" with the options given`);
}

function parseDescription(content: string, path: string): Record<string, unknown> {
  let described: unknown;
  try {
    described = parseYaml(content);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new HidiffError("datasets.description", `openFolderDataset: "${path}" is no valid YAML: ${reason} Correct that line.`, { cause: error });
  }
  if (described === null) return {}; // nothing but comments
  if (typeof described === "object" && !Array.isArray(described)) return described as Record<string, unknown>;
  throw new HidiffError(
    "datasets.description",
    `openFolderDataset: "${path}" must hold fields such as "images: photos" and "masks: masks", got ${JSON.stringify(described)}.`,
  );
}
