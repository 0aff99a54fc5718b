import { isImagePath } from "../raster/image-paths.ts";
import { readImage } from "../raster/read-image.ts";
import { readLabels } from "../raster/read-labels.ts";
import type { ImageStack, RasterImage } from "../types.ts";
import { geometryDifference } from "../volumes/geometry.ts";
import { type OrientedGrid, orientGrid, type Plane } from "../volumes/oriented-grid.ts";
import { readVolume } from "../volumes/read-volume.ts";
import { describeShape, type VolumeHeader, type VolumeShape } from "../volumes/volume.ts";
import { isVolumePath } from "../volumes/volume-paths.ts";
import { saysProbabilities } from "./find-priors.ts";
import { type PriorArray, priorError, priorStack } from "./prior-array.ts";
import { readNpzPrior } from "./read-npz-prior.ts";

/** The image that a prior is of. */
export interface PriorTarget {
  readonly image: Pick<ImageStack, "depth" | "height" | "width" | "spacing">;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** The volume that the image was cut from, and how; absent for photographs and arrays, whose slices lie as stored. */
  readonly volume?: { readonly header: VolumeHeader; readonly plane: Plane } | undefined;
}

/**
 * Reads another program's mask or probabilities of an image, onto the image's slices:
 * - PNG, TIFF and the like, for photographs: grey values from 0 to 255 (of 16 bits to 65535) are probabilities from 0 to 1 of
 *   one class; nothing but 0 and 1 is a mask, unless the file is called as one of probabilities; for several classes, class
 *   numbers;
 * - NIfTI, NRRD and MetaImage, for volumes: class numbers, probabilities of one class, or a channel a class;
 * - `.npz`: arrays in the order of the image's own file, as nnU-Net writes them (see `readNpzPrior`).
 *
 * @returns a stack of `classes` channels with values in [0, 1]
 * @throws `datasets.priors` where the file does not fit to the image, by kind, size, place in the patient or values, and what
 * reading the file throws
 */
export async function readPrior(path: string, target: PriorTarget): Promise<ImageStack> {
  return priorStack(await readArray(path, target), gridOf(target), target.classes);
}

function readArray(path: string, target: PriorTarget): Promise<PriorArray> {
  if (isImagePath(path)) return readRasterPrior(path, target);
  if (isVolumePath(path)) return readVolumePrior(path, target);
  const { volume } = target;
  if (volume?.header.format === "dicom") {
    const what = `holds arrays, and the slices of "${volume.header.path}" have no order in a file that they could follow`;
    throw priorError(path, `${what}. Save the prior as a volume, such as NIfTI.`);
  }
  return readNpzPrior(path, volume?.header.shape ?? shapeOf(target.image), target.classes);
}

/** How the image's slices lie in its file. */
function gridOf({ image, volume }: PriorTarget): OrientedGrid {
  if (volume !== undefined) return orientGrid(volume.header.shape, volume.header.geometry, volume.plane);
  const { depth, height, width, spacing } = image;
  return { depth, height, width, spacing, offset: 0, strides: [height * width, width, 1] };
}

function shapeOf({ depth, height, width }: PriorTarget["image"]): VolumeShape {
  return [depth, height, width];
}

async function readRasterPrior(path: string, { image, classes, volume }: PriorTarget): Promise<PriorArray> {
  if (volume !== undefined || image.depth > 1) {
    const shape = describeShape(volume?.header.shape ?? shapeOf(image));
    throw priorError(path, `is a picture, and its image is a volume (${shape}); expected a volume or a .npz.`);
  }
  const found = classes === 1 ? await readGrey(path) : { ...(await readLabels(path)), slope: 1 };
  if (found.width !== image.width || found.height !== image.height) {
    const sizes = `is ${found.width}×${found.height} but its image is ${image.width}×${image.height} pixels (width×height)`;
    throw priorError(path, `${sizes}. Save it in the size of the image.`);
  }
  return { path, data: found.data, channels: 1, channelAxis: "first", slope: found.slope, intercept: 0 };
}

/** The foreground's probabilities. Of a picture in colours those are the indices of its palette, 0 and 1. */
async function readGrey(path: string): Promise<RasterImage & { readonly slope: number }> {
  const image = await readImage(path);
  const { channels, data } = image;
  const grey = data.filter((_, index) => index % channels === 0);
  if (data.some((value, index) => value !== grey[Math.floor(index / channels)])) return { ...(await readLabels(path)), slope: 1 };
  const isMaskOfOnes = !saysProbabilities(path) && !grey.some((value) => value > 1);
  return { ...image, channels: 1, data: grey, slope: isMaskOfOnes ? 1 : data instanceof Uint8Array ? 1 / 255 : 1 / 65535 };
}

async function readVolumePrior(path: string, { image, volume }: PriorTarget): Promise<PriorArray> {
  if (volume === undefined) {
    const expected = image.depth === 1 ? "a picture or a .npz" : "a .npz";
    throw priorError(path, `is a volume, and its image tells no place in the patient that it could be laid on; expected ${expected}.`);
  }
  const { header } = volume;
  const { shape, geometry, data, channels, slope, intercept } = await readVolume(path);
  if (shape.join() !== header.shape.join()) {
    const sizes = `has ${describeShape(shape)} voxels, its image "${header.path}" ${describeShape(header.shape)}`;
    throw priorError(path, `${sizes}. Resample it to the image's grid.`);
  }
  const difference = geometryDifference(header.geometry, geometry, 1e-3);
  if (difference !== undefined) {
    const remedy = "If they belong together, copy the image's header; else resample it to the image's grid";
    throw priorError(path, `does not lie on "${header.path}": ${difference}. ${remedy}.`);
  }
  return { path, data, channels, channelAxis: "first", slope, intercept };
}
