import { dirname } from "node:path";
import { augmentationFor, type BadCase, type Batch, createBatchSource, type ImageStack, preprocess, prepareSamples, type SegmentationCase, type SegmentationDataset, type SplitName, tryLoad } from "@hidiff/datasets";
import { writePng } from "@hidiff/datasets/node";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { labelMap } from "hidiff";
import { usageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import type { Picture } from "../pictures/maps.ts";
import { fullestSlice } from "../pictures/slices.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { outlineColours } from "./class-colours.ts";
import { contactSheet } from "./contact-sheet.ts";
import { type DatasetFlags, openFolder } from "./open.ts";
import { thumbnail } from "./thumbnail.ts";

export interface PreviewOptions extends DatasetFlags {
  readonly out: string;
  readonly split: SplitName;
  readonly cases?: string;
  readonly count: number;
  readonly columns: number;
  readonly prepared?: boolean;
  readonly augmented?: boolean;
  readonly cropSize: number;
  readonly seed: number;
}

/** `hidiff dataset preview`: a contact sheet as one picture. */
export async function previewDataset(folder: string, options: PreviewOptions): Promise<void> {
  const output = new Output();
  const { spec, dataset } = await openFolder(folder, options);
  output.note(`Layout: ${spec.name}`);
  if (dataset.splits[options.split].length === 0) {
    throw new HidiffError("dataset.empty", `The split "${options.split}" of ${dataset.name} has no cases; choose another with --split.`);
  }
  const pictures = options.augmented === true ? await augmentedCrops(dataset, options, output) : await wholeCases(dataset, options, output);
  await makeFolder(dirname(options.out));
  await writePng(options.out, contactSheet(pictures, options.columns));
  output.print(`${pictures.length} picture${pictures.length === 1 ? "" : "s"}, row by row, in ${options.out}`);
}

/** Cases that cannot be read are told and left out; the last of them is the error where none can. */
async function wholeCases(dataset: SegmentationDataset, options: PreviewOptions, output: Output): Promise<Picture[]> {
  const pictures: Picture[] = [];
  let last: BadCase | undefined;
  for (const id of chooseIds(dataset, options)) {
    const item = await tryLoad(dataset, id, "skip", (bad) => {
      last = bad;
      output.note(`${id} is left out: ${bad.error.message}`);
    });
    if (item === undefined) continue;
    const shown = options.prepared === true ? prepare(item, dataset) : item;
    pictures.push(await thumbnail(shown, fullestSlice(shown.labels), outlineColours(dataset)));
    output.print(id);
  }
  if (pictures.length === 0 && last !== undefined) throw last.error;
  return pictures;
}

function chooseIds(dataset: SegmentationDataset, { split, cases, count }: PreviewOptions): string[] {
  const ids = dataset.splits[split];
  if (cases === undefined) {
    const shown = Math.min(count, ids.length);
    return Array.from({ length: shown }, (_, index) => ids[Math.floor((index * ids.length) / shown)]!);
  }
  const known = new Set(Object.values(dataset.splits).flat());
  const wanted = cases.split(",").map((id) => id.trim());
  for (const id of wanted) {
    if (!known.has(id)) throw usageError(`--cases: ${dataset.name} has no case "${id}"; ids look like "${ids[0]}".`);
  }
  return wanted;
}

/** A case as a network takes it. */
function prepare({ image, labels }: SegmentationCase, { preprocessing }: SegmentationDataset): Pick<SegmentationCase, "image" | "labels"> {
  const prepared = preprocess(image, preprocessing);
  return { image: withFullRange(prepared.image), labels: prepared.labels(labels) };
}

/** Photographs stay photographs: their range is what [-1, 1] stands for. */
function withFullRange(image: ImageStack): ImageStack {
  return image.channels === 3 ? { ...image, range: [-1, 1], slice: (index) => image.slice(index) } : image;
}

async function augmentedCrops(dataset: SegmentationDataset, { split, count, cropSize, seed }: PreviewOptions, output: Output): Promise<Picture[]> {
  const total = dataset.splits[split].length;
  const samples = await withProgress({ total, unit: "cases" }, (progress) =>
    prepareSamples(dataset, { splits: [split], onProgress: (done) => progress.update(done, "Reading") }),
  );
  const source = createBatchSource(samples, { split, batchSize: count, cropSize, augmentation: augmentationFor(dataset), seed, fieldOfViewFraction: 0.5 });
  try {
    const batch = await source.batch(0);
    output.print(batch.ids.join("\n"));
    return await Promise.all(batch.ids.map((_, item) => thumbnail(cropOf(batch, item), 0, outlineColours(dataset))));
  } finally {
    await source.close();
  }
}

/** One item of a batch as a case of one slice. */
function cropOf({ height, width, imageChannels, classes, images, masks }: Batch, item: number): Pick<SegmentationCase, "image" | "labels"> {
  const part = (data: Float32Array, channels: number): Float32Array => data.slice(item * height * width * channels, (item + 1) * height * width * channels);
  const size = { depth: 1, height, width } as const;
  const image: ImageStack = { ...size, channels: imageChannels, spacing: [1, 1, 1], outside: new Array<number>(imageChannels).fill(-1), slice: () => part(images, imageChannels) };
  return { image: withFullRange(image), labels: { ...size, slice: () => labelMap(part(masks, classes), classes) } };
}
