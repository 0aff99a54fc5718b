import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SegmentationSample } from "@hidiff/datasets";
import { writePng } from "@hidiff/datasets/node";
import { type CaseScores, labelMap, type RefinementStep, type Segmentation } from "hidiff";
import { makeFolder } from "../files/folder.ts";
import { errorPicture } from "../pictures/error-map.ts";
import { enlarge, greyPicture, imagePicture, largestVariance, maskPicture, type Picture } from "../pictures/maps.ts";

/** A picture on the page. */
export interface GalleryPicture {
  readonly caption: string;
  /** The file's content as a data URI. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
}

/** What the page shows of one image. */
export interface GalleryImage {
  readonly scores: CaseScores;
  readonly overview: readonly GalleryPicture[];
  /** From the first step to the last. */
  readonly steps: readonly { readonly t: number; readonly latent: GalleryPicture; readonly estimate: GalleryPicture }[];
}

/** Small images are enlarged, so that their pixels can be seen. */
const enlargement = 3;

interface GalleryInputs {
  readonly sample: SegmentationSample;
  readonly scores: CaseScores;
  readonly segmentation: Segmentation;
  readonly steps: readonly RefinementStep[];
}

/** Writes the pictures of one image into a folder of its own. Binary tasks only. */
export async function writeGalleryImage(folder: string, { sample, scores, segmentation, steps }: GalleryInputs): Promise<GalleryImage> {
  const { height, width, classes, fieldOfView: region } = sample;
  const truth = labelMap(sample.mask, classes);
  await makeFolder(folder);
  const save = async (name: string, caption: string, picture: Picture): Promise<GalleryPicture> => {
    const path = join(folder, `${name}.png`);
    await writePng(path, enlarge(picture, enlargement));
    const content = await readFile(path);
    return { caption, source: `data:image/png;base64,${content.toString("base64")}`, width, height };
  };
  const grey = (values: Float32Array, white: number): Picture => greyPicture(values, sample, { channels: classes, channel: 0, white });
  const errors = (mask: Uint8Array): Picture => errorPicture({ mask, truth, height, width, region });
  const overview = [
    await save("image", "Image", imagePicture(sample.image, sample, sample.imageChannels, [-1, 1])),
    await save("truth", "Truth", maskPicture(truth, sample, classes)),
    await save("prior", "Prior", maskPicture(segmentation.priorMask, sample, classes)),
    await save("refined", "Refined", maskPicture(segmentation.mask, sample, classes)),
    ...(segmentation.uncertainty === undefined ? [] : [await save("uncertainty", "Uncertainty", grey(segmentation.uncertainty, largestVariance))]),
    await save("prior-errors", "Errors of the prior", errors(segmentation.priorMask)),
    await save("refined-errors", "Errors, refined", errors(segmentation.mask)),
  ];
  const shown: GalleryImage["steps"][number][] = [];
  for (const { t, yt, y0Hat } of steps) {
    const number = String(t).padStart(2, "0");
    const latent = await save(`step-${number}-latent`, `latent mask at t = ${t}`, grey(yt, 1));
    const estimate = await save(`step-${number}-estimate`, `estimate at t = ${t}`, grey(y0Hat, 1));
    shown.push({ t, latent, estimate });
  }
  return { scores, overview, steps: shown };
}
