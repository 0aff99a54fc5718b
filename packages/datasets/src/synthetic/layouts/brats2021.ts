import { Generator } from "@hidiff/core-tensor/random";
import { brainChannels, drawBrain } from "../brain.ts";
import type { DrawnVolume } from "../drawn-volume.ts";
import { writeNifti } from "./nifti-file.ts";
import { type LayoutOptions, padded, type PlannedFile, rememberLast } from "./planned-file.ts";
import { drawWhole } from "./whole-volume.ts";

/** The brain of a case such as `BraTS2021_00000`. */
export function drawBrats2021(seed: number | string, id: string, { size, depth }: Pick<LayoutOptions, "size" | "depth">): DrawnVolume {
  return drawBrain({ size, depth }, new Generator(seed).split("brats2021").split(id));
}

/** BraTS 2021: `BraTS2021_00000/BraTS2021_00000_t1.nii.gz`, `_t1ce`, `_t2`, `_flair` (int16) and the labels `_seg`. */
export function planBrats2021({ seed, size, depth, train, validation, test }: LayoutOptions): PlannedFile[] {
  const draw = rememberLast((id) => drawWhole(drawBrats2021(seed, id, { size, depth })));
  return Array.from({ length: train + validation + test }, (_, index) => {
    const id = `BraTS2021_${padded(index, 5)}`;
    const files = [...brainChannels, "seg"] as const;
    return files.map((name) => ({
      path: `${id}/${id}_${name}.nii.gz`,
      write: (path: string) => {
        const { shape, spacing, channels, labels } = draw(id);
        const data = name === "seg" ? labels : Int16Array.from(channels[brainChannels.indexOf(name)]!);
        return writeNifti(path, { shape, spacing, data }, "LPS", [0, (shape[1] - 1) * spacing[1], 0]);
      },
    }));
  }).flat();
}
