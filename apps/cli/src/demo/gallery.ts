import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writePng } from "@hidiff/datasets/node";
import type { CaseScores, EvaluatedCase, RefinementStep } from "hidiff";
import { makeFolder } from "../files/folder.ts";
import { errorPicture } from "../pictures/error-map.ts";
import { displayPicture } from "../pictures/display.ts";
import { enlarge, greyPicture, largestVariance, maskPicture, type Picture } from "../pictures/maps.ts";

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

/** Writes the pictures of one image into a folder of its own. Binary tasks only. */
export async function writeGalleryImage(
  folder: string,
  { image, segmentation, truth, region, scores }: EvaluatedCase,
  steps: readonly RefinementStep[],
): Promise<GalleryImage> {
  const { height, width, classes, labels, priorLabels } = segmentation;
  await makeFolder(folder);
  const save = async (name: string, caption: string, picture: Picture): Promise<GalleryPicture> => {
    const path = join(folder, `${name}.png`);
    await writePng(path, enlarge(picture, enlargement));
    const content = await readFile(path);
    return { caption, source: `data:image/png;base64,${content.toString("base64")}`, width: picture.width, height: picture.height };
  };
  const grey = (values: Float32Array, size: { readonly height: number; readonly width: number }, white: number): Picture =>
    greyPicture(values, size, { channels: classes, channel: 0, white });
  const errors = (mask: Uint8Array): Picture => errorPicture({ mask, truth, height, width, region });
  const uncertainty = segmentation.uncertainty?.slice(0);
  const overview = [
    await save("image", "Image", displayPicture(image.slice(0), image)),
    await save("truth", "Truth", maskPicture(truth, segmentation, classes)),
    await save("prior", "Prior", maskPicture(priorLabels, segmentation, classes)),
    await save("refined", "Refined", maskPicture(labels, segmentation, classes)),
    ...(uncertainty === undefined ? [] : [await save("uncertainty", "Uncertainty", grey(uncertainty, segmentation, largestVariance))]),
    await save("prior-errors", "Errors of the prior", errors(priorLabels)),
    await save("refined-errors", "Errors, refined", errors(labels)),
  ];
  const shown: GalleryImage["steps"][number][] = [];
  for (const step of steps) {
    const { t, yt, y0Hat } = step;
    const number = String(t).padStart(2, "0");
    const latent = await save(`step-${number}-latent`, `latent mask at t = ${t}`, grey(yt, step, 1));
    const estimate = await save(`step-${number}-estimate`, `estimate at t = ${t}`, grey(y0Hat, step, 1));
    shown.push({ t, latent, estimate });
  }
  return { scores: scores[0]!, overview, steps: shown };
}
