import { HidiffError } from "@hidiff/core-tensor/errors";
import type { RasterImage } from "../types.ts";
import { type DicomSeries, readDicomFile, readDicomVoxels } from "./dicom-series.ts";
import { describeShape, type DicomSource } from "./volume.ts";

/** A picture from a DICOM file. */
export interface DicomPicture {
  readonly image: RasterImage;
  readonly dicom: DicomSource;
}

/**
 * Reads a DICOM file as a picture, such as a photograph or an X-ray image: the numbers as they are stored, 8 bits as they
 * are and more of them scaled to 65535. White is the largest number: ITK turns images round whose white is 0 (MONOCHROME1).
 *
 * @throws `file.read`; `datasets.volume` for what is no DICOM image or is damaged, and for values in units of their own (such
 * as those of CT), which a picture does not have
 */
export async function readDicomImage(path: string): Promise<DicomPicture> {
  const series = await readDicomFile(path);
  if (series === undefined) throw wrong(path, "it is no DICOM image");
  const tags = series.files[0]!;
  if (tags.slope !== 1 || tags.intercept !== 0) {
    throw wrong(path, `its values have a unit of their own (RescaleSlope ${tags.slope}, RescaleIntercept ${tags.intercept}), which a picture's have not. Use a model that was trained on volumes`);
  }
  return { image: await pictureOf(series), dicom: series.volume.dicom! };
}

async function pictureOf(series: DicomSeries): Promise<RasterImage> {
  const { path, shape, channels } = series.volume;
  const { bitsStored } = series.files[0]!;
  const [, height, width] = shape;
  const voxels = await readDicomVoxels(series, 4 * 1024 ** 3);
  const high = 2 ** bitsStored - 1;
  const size = height * width;
  const data = bitsStored <= 8 ? new Uint8Array(voxels.length) : new Uint16Array(voxels.length);
  const scale = (bitsStored <= 8 ? 255 : 65535) / high;
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < size; pixel++) {
      const value = voxels[channel * size + pixel]!;
      if (!(value >= 0 && value <= high)) throw wrong(path, `it has the value ${value}; expected 0 to ${high} in a picture of ${describeShape(shape)} pixels with ${bitsStored} bits`);
      data[pixel * channels + channel] = Math.round(value * scale);
    }
  }
  return { height, width, channels, data };
}

function wrong(path: string, text: string): HidiffError {
  return new HidiffError("datasets.volume", `readDicomImage: "${path}": ${text}.`);
}
