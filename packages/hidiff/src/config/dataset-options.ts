import { preprocessingSchema } from "@hidiff/datasets";
import { z } from "zod";
import { count, fraction, path, positiveInteger } from "./fields.ts";
import { forwardIssues } from "./forward-issues.ts";

const text = z.string().min(1);
const root = path.optional().describe("The folder of the data set, absolute or from where the command runs; --data FOLDER on the command line.");
const seed = z.number().default(0).describe("Seed of the random splits.");
const seedOrText = z.union([z.number(), text]);
/** Cases that are taken from those for training. */
const validation = z.union([count, z.array(text)]).default(0).describe("How many training cases, the last ones, serve as validation instead, or their ids.");
const observer = z.union([z.literal(1), z.literal(2)]).default(1).describe("Whose masks are the truth of the test images: the first or second observer's.");
const size = positiveInteger.nullable().optional().describe("Slices are resized to size×size pixels; null leaves them as they are. Default: the data set's own.");
const preprocessing = preprocessingSchema.optional().describe("Instead of the data set's own; the field preprocessing of the configuration goes before it.");
const badFiles = z.enum(["error", "skip"]).default("error").describe('A case whose files are missing or unreadable: an error, or "skip" it with a note.');
const plane = z.enum(["axial", "coronal", "sagittal", "stored"]).default("axial").describe("The plane of the slices; stored: as the file has them.");
const caseLists = z
  .strictObject({ train: path, validation: path.optional(), test: path })
  .optional()
  .describe("Text files of case ids, one a line, that tell the splits.");

const shareOrList = (what: string): z.ZodType =>
  z.union([path, fraction]).optional().describe(`${what}: a share of the cases, or a text file of ids, one a line.`);
const labelValue = z.number().int().min(0).max(65535);

/**
 * The options of the data sets of `@hidiff/datasets`, by name, as a configuration may have them. Defaults are told rather
 * than filled in: the loaders do that. A data set of one's own checks its options itself.
 */
export const datasetOptionSchemas: Readonly<Record<string, z.ZodObject>> = {
  "synthetic-fundus": z.strictObject({
    count: z.strictObject({ train: count, validation: count, test: count }).describe("How many images each split has."),
    size: z.number().int().min(32).describe("Side of the images in pixels."),
    seed: seedOrText.describe("Seed of the drawing."),
  }),
  drive: z.strictObject({ root, validation, observer }),
  "chase-db1": z.strictObject({
    root,
    validation,
    observer,
    test: positiveInteger.optional().describe("How many images, the last ones, are for testing. Default 8 of 28."),
  }),
  "kvasir-seg": z.strictObject({
    root,
    split: z.enum(["random", "pranet"]).optional().describe("random: 800, 100 and 100 images; pranet: the 100 test images of PraNet's benchmark, the rest for training."),
    lists: z
      .strictObject({ train: path.optional(), validation: path.optional(), test: path.optional() })
      .optional()
      .describe("Instead of split: lists of ids, one a line, inside of the folder."),
    validation: validation.removeDefault().optional().describe("Where the split has none: how many training images, the last ones, or their ids."),
  }),
  "cvc-clinicdb": z.strictObject({
    root,
    validation: fraction.default(0.1).describe("Share of the frames for validation, in whole sequences."),
    test: fraction.default(0.1).describe("Share of the frames for testing, in whole sequences."),
    seed: seedOrText.default(0).describe("Seed of the splits."),
  }),
  synapse: z.strictObject({
    root,
    size,
    preprocessing,
    badFiles,
    validation,
    lists: path.optional().describe("The folder of the lists train.txt and test_vol.txt. Default: in the data set, else the published split."),
    labels: z.enum(["transunet", "btcv"]).optional().describe("Whose numbers the label files hold. Default: by the layout."),
    strict: z.boolean().default(false).describe("Whether anything but the published number of cases is an error."),
  }),
  brats2021: z.strictObject({ root, size, preprocessing, badFiles, seed, validation, lists: caseLists }),
  msd: z.strictObject({
    root,
    size,
    preprocessing,
    badFiles,
    plane,
    classes: z
      .union([z.number().int().min(2).max(256), z.array(text).min(2).max(256)])
      .optional()
      .describe("How many classes the labels have with the background, or their names. Default: those of dataset.json."),
    modality: text.optional().describe("What made the images, such as CT or MRI, where there is no dataset.json; it decides the preprocessing."),
    seed,
    folds: z
      .strictObject({ folds: z.number().int().min(2), fold: count })
      .optional()
      .describe("Cross-validation: part fold (from 0) of folds parts is for testing."),
    validation,
    lists: caseLists,
  }),
  folder: z.strictObject({
    root,
    description: path.optional().describe("The file that describes the folder. Default: hidiff-dataset.yaml in it, where there is one."),
    images: path.optional().describe('The images: a folder, or a pattern such as "scans/*_flair.nii.gz". Default: images, or imagesTr.'),
    masks: path.optional().describe("The masks, likewise. Default: masks, or labelsTr."),
    maskSuffix: text.optional().describe("What follows the image's name in the names of masks, such as _mask."),
    fieldsOfView: path.optional().describe("Masks of what the camera saw: a folder or pattern."),
    table: path.optional().describe("Instead of folders: a CSV file with the columns image and mask, and where wanted id, split, group, fieldOfView."),
    pairs: z
      .array(
        z.strictObject({
          image: z.union([path, z.record(text, path)]),
          mask: path,
          id: text.optional(),
          split: text.optional(),
          group: text.optional(),
          fieldOfView: path.optional(),
        }),
      )
      .min(1)
      .optional()
      .describe("Instead of folders: the images with their masks, one by one."),
    channels: z.record(text, text).optional().describe("For volumes of several channels in a file each: each channel's name, with the ending of its files."),
    classes: z
      .union([z.array(text).min(1), z.record(text, z.union([labelValue, z.array(labelValue).min(1)]))])
      .optional()
      .describe("What the masks hold: { polyp: 255 }, names with their values; or names alone for the values 1, 2, …"),
    threshold: z.number().optional().describe("For one class in image files: the foreground is above this value."),
    plane: plane.describe("For volumes: the plane of the slices; stored: as the file has them."),
    outside: z.number().default(0).describe("For volumes: what lies outside of the image, such as -1024 for CT."),
    split: z
      .strictObject({
        train: path.optional().describe("A text file of ids, one a line."),
        validation: shareOrList("For validation"),
        test: shareOrList("For testing"),
        folds: z.number().int().min(2).optional().describe("Cross-validation: the number of parts."),
        fold: count.optional().describe("The part for testing, from 0."),
        seed: seedOrText.optional().describe("Seed of random splits. Default 0."),
      })
      .optional()
      .describe("Which cases are for what. Default: a table's column, else 80 % for training, 10 % for validation, 10 % for testing, at random."),
    groupBy: text.optional().describe('A regular expression whose one group is the patient in an image\'s name, such as "^(patient\\\\d+)_": patients are never divided.'),
    preprocessing,
    unmatched: z.enum(["error", "skip"]).default("error").describe('An image without mask, or a mask without image: an error, or "skip" it with a note.'),
    badFiles,
  }),
};

/** A data set by its name, with its options. */
export const datasetSpec: z.ZodType<{ readonly name: string; readonly [option: string]: unknown }> = z
  .looseObject({ name: z.string().describe("Which data set: its name.") })
  .check(
    forwardIssues((spec) => {
      const { name, ...options } = spec;
      return { schema: datasetOptionSchemas[name], value: options, path: [] };
    }),
  )
  .describe("The data set, with its own options.");
