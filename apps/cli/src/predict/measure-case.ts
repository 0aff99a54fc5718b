import { type BundleManifest, measureClasses, type StackSegmentation } from "hidiff";
import { formatCsv } from "../files/csv.ts";
import type { ReadCase } from "./read-case.ts";
import type { ClassResult, InputResult } from "./result.ts";

/** @param pixelSize of images, in millimetres; default: as the file tells */
export function measureCase({ image, volume, pixelSpacing }: ReadCase, segmentation: StackSegmentation, manifest: BundleManifest, pixelSize: number | undefined): ClassResult[] {
  const cubicMillimetres = volume === undefined ? undefined : image.spacing[0] * image.spacing[1] * image.spacing[2];
  const [down, across] = pixelSize === undefined ? (pixelSpacing ?? []) : [pixelSize, pixelSize];
  const area = volume !== undefined || down === undefined || across === undefined ? undefined : down * across;
  return measureClasses(segmentation).map(({ label, voxels, meanProbability, meanUncertainty }) => ({
    name: manifest.classes.find((entry) => entry.label === label)?.name ?? String(label),
    label,
    voxels,
    ...(cubicMillimetres === undefined ? {} : { millilitres: (voxels * cubicMillimetres) / 1000 }),
    ...(area === undefined ? {} : { squareMillimetres: voxels * area }),
    ...(meanProbability === undefined ? {} : { meanProbability }),
    ...(meanUncertainty === undefined ? {} : { meanUncertainty }),
  }));
}

/** The classes of all inputs that were segmented, a line each. */
export function formatMeasurements(results: readonly InputResult[]): string {
  const rows = results.flatMap((result) =>
    "error" in result
      ? []
      : result.classes.map(({ name, label, voxels, millilitres, squareMillimetres, meanProbability, meanUncertainty }) => [
          result.case, name, label, voxels, millilitres, squareMillimetres, meanProbability, meanUncertainty,
        ]),
  );
  return formatCsv(["case", "class", "label", "voxels", "millilitres", "square_millimetres", "mean_probability", "mean_uncertainty"], rows);
}
