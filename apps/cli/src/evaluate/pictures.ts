import { join } from "node:path";
import { writePng } from "@hidiff/datasets/node";
import { type EvaluatedCase, labelStackOf } from "hidiff";
import { makeFolder } from "../files/folder.ts";
import { errorPicture } from "../pictures/error-map.ts";
import { maskPicture } from "../pictures/maps.ts";
import { fullestSlice } from "../pictures/slices.ts";

/**
 * Writes masks and error maps of a case, never the image itself: of a volume the slice with the most foreground.
 *
 * @param ending of the files' names, such as "_seed2"
 */
export async function writeEvaluationPictures(folder: string, { id, segmentation, truth, region }: EvaluatedCase, ending: string): Promise<void> {
  const { depth, height, width, classes } = segmentation;
  const index = fullestSlice(labelStackOf(truth, segmentation));
  const slice = (labels: Uint8Array): Uint8Array => labels.slice(index * height * width, (index + 1) * height * width);
  await makeFolder(folder);
  const place = depth === 1 ? "" : `_slice${String(index).padStart(3, "0")}`;
  const name = join(folder, `${id.replaceAll(/[/\\:]+/g, "_")}${place}${ending}`);
  for (const [which, labels] of [["prior", segmentation.priorLabels], ["refined", segmentation.labels]] as const) {
    const mask = slice(labels);
    await writePng(`${name}_${which}_mask.png`, maskPicture(mask, segmentation, classes));
    const picture = errorPicture({ mask, truth: slice(truth), height, width, region: region === undefined ? undefined : slice(region) });
    await writePng(`${name}_${which}_errors.png`, picture);
  }
}
