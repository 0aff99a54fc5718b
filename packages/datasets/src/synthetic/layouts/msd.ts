import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { Generator } from "@hidiff/core-tensor/random";
import type { DrawnVolume } from "../drawn-volume.ts";
import { drawHippocampus } from "../hippocampus.ts";
import { writeNifti } from "./nifti-file.ts";
import { type LayoutOptions, padded, type PlannedFile, rememberLast } from "./planned-file.ts";
import { drawWhole, type WholeVolume } from "./whole-volume.ts";

/** The volume of a case such as `hippocampus_001`. */
export function drawMsd(seed: number | string, id: string): DrawnVolume {
  return drawHippocampus(new Generator(seed).split("msd").split(id));
}

/**
 * The hippocampus task of the Medical Segmentation Decathlon: `dataset.json`, `imagesTr/hippocampus_001.nii.gz`,
 * `labelsTr/hippocampus_001.nii.gz` and, without labels, `imagesTs/hippocampus_….nii.gz`. As in the original, some
 * images are of 8 bits and others floating-point numbers.
 */
export function planMsd({ seed, train, validation, test }: LayoutOptions): PlannedFile[] {
  const draw = rememberLast((id) => drawWhole(drawMsd(seed, id)));
  const ids = Array.from({ length: train + validation + test }, (_, index) => `hippocampus_${padded(index + 1, 3)}`);
  const labelled = ids.slice(0, train + validation);
  const unlabelled = ids.slice(labelled.length);
  const planImage = (folder: string, id: string): PlannedFile => ({
    path: `${folder}/${id}.nii.gz`,
    write: (path) => {
      const { shape, spacing, channels } = draw(id);
      return writeNifti(path, { shape, spacing, data: storedAs(channels[0]!) }, "RAS", [1, 1, 1]);
    },
  });
  return [
    {
      path: "dataset.json",
      write: (path) => writeFileAtomic(path, `${JSON.stringify(describe(labelled, unlabelled), undefined, 1)}\n`),
    },
    ...labelled.flatMap((id) => [
      planImage("imagesTr", id),
      {
        path: `labelsTr/${id}.nii.gz`,
        write: (path: string) => {
          const { shape, spacing, labels } = draw(id);
          return writeNifti(path, { shape, spacing, data: labels }, "RAS", [1, 1, 1]);
        },
      },
    ]),
    ...unlabelled.map((id) => planImage("imagesTs", id)),
  ];
}

function storedAs(image: WholeVolume["channels"][number]): Uint8Array | Float32Array {
  const largest = image.reduce((most, value) => Math.max(most, value), 0);
  return largest <= 255 ? Uint8Array.from(image, Math.round) : image;
}

function describe(labelled: readonly string[], unlabelled: readonly string[]): Record<string, unknown> {
  return {
    name: "Hippocampus",
    description: "Left and right hippocampus segmentation (drawn, not measured)",
    reference: "none",
    licence: "MIT",
    release: "1.0",
    tensorImageSize: "3D",
    modality: { 0: "MRI" },
    labels: { 0: "background", 1: "Anterior", 2: "Posterior" },
    numTraining: labelled.length,
    numTest: unlabelled.length,
    training: labelled.map((id) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` })),
    test: unlabelled.map((id) => `./imagesTs/${id}.nii.gz`),
  };
}
