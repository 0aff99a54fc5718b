import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Geometry } from "../types.ts";
import { dicomCielab } from "./cielab.ts";
import { decimals, type DicomElement, encodeDicomFile, sequence, text, uidOf, unsigned } from "./dicom-encode.ts";
import { segmentationClass, studyTags } from "./dicom-tags.ts";
import { describeShape, type DicomSource, type VolumeShape, voxelCount } from "./volume.ts";

/** What a class of a segmentation is called in DICOM. */
export interface DicomSegment {
  /** Its number in the labels, 1 … 255. */
  readonly label: number;
  readonly name: string;
  /** #rrggbb */
  readonly colour: string;
}

export interface DicomSegmentationOptions {
  readonly segments: readonly DicomSegment[];
  /** What made the masks, such as "hidiff drive". */
  readonly algorithm: string;
  readonly version: string;
  /** Tells models of one name apart, such as by a checksum. */
  readonly serialNumber: string;
}

/** The image that is segmented: a volume that was read from DICOM files, or a picture of one. */
export interface DicomImage {
  readonly path: string;
  readonly shape: VolumeShape;
  readonly dicom: DicomSource;
  /** Absent for pictures that lie nowhere in the patient. */
  readonly geometry?: Geometry | undefined;
}

/**
 * Writes class numbers as a DICOM Segmentation object (PS3.3 A.51): binary, a segment a class, a frame a slice that has
 * some of it (all slices of the first segment, if none has any), with patient, study and frame of reference of the image,
 * and the reference to the image of each frame. UIDs follow from what is written and the dates are the image's, so that the
 * same masks give the same file, byte for byte. The file is written completely or not at all.
 *
 * @param labels [depth, height, width] in the order of the image
 * @throws `datasets.size` for another number of voxels, `file.write`
 */
export async function writeDicomSegmentation(path: string, labels: Uint8Array, image: DicomImage, options: DicomSegmentationOptions): Promise<void> {
  const voxels = voxelCount(image.shape);
  if (labels.length !== voxels) {
    throw new HidiffError(
      "datasets.size",
      `writeDicomSegmentation: "${path}" has the grid of "${image.path}", ${describeShape(image.shape)} = ${voxels} voxels, but got ${labels.length} labels.`,
    );
  }
  await writeFileAtomic(path, encodeDicomFile(dataSet(labels, image, options), { uid: uidOf("hidiff"), name: "HIDIFF" }));
}

/** A slice of a segment. Both are counted from 0. */
interface Frame {
  readonly segment: number;
  readonly slice: number;
}

function dataSet(labels: Uint8Array, image: DicomImage, options: DicomSegmentationOptions): DicomElement[] {
  const { dicom, shape } = image;
  const { study, frameOfReference } = dicom;
  const frames = framesOf(labels, shape, options.segments);
  const pixels = packFrames(labels, shape, frames, options.segments);
  const ownText = ownTextBeside(study);
  const identity = [dicom.series, ...dicom.instances.map(({ sopInstance }) => sopInstance), JSON.stringify([options, frames]), pixels];
  const dimensions = uidOf("dimensions", ...identity);
  const copied = (tag: number): string => Buffer.from(study.get(tag) ?? []).toString("latin1").replace(/[\0 ]+$/, "");
  const firstOf = (tags: readonly number[], otherwise: string): string => tags.map(copied).find((value) => value !== "") ?? otherwise;
  const isPlaced = placementOf(image) !== undefined;
  const dimension = (pointer: number, group: number): DicomElement[] => [
    text(0x00209164, "UI", dimensions),
    unsigned(0x00209165, "AT", pointer),
    unsigned(0x00209167, "AT", group),
  ];
  const own: DicomElement[] = [
    text(0x00080005, "CS", ...(ownText === "utf-8" ? ["ISO_IR 192"] : copied(0x00080005).split("\\"))),
    text(0x00080008, "CS", "DERIVED", "PRIMARY"),
    text(0x00080016, "UI", segmentationClass),
    text(0x00080018, "UI", uidOf("instance", ...identity)),
    text(0x00080023, "DA", firstOf([0x00080023, 0x00080021, 0x00080020], "19700101")),
    text(0x00080033, "TM", firstOf([0x00080033, 0x00080031, 0x00080030], "000000")),
    text(0x00080060, "CS", "SEG"),
    text(0x00080070, "LO", "HiDiff"),
    text(0x0008103e, "LO", shorten(options.algorithm, ownText)),
    text(0x00081090, "LO", "hidiff"),
    sequence(0x00081115, [
      sequence(0x0008114a, ...dicom.instances.map(referenceTo)),
      text(0x0020000e, "UI", dicom.series),
    ]),
    text(0x00181000, "LO", shorten(options.serialNumber, ownText)),
    text(0x00181020, "LO", shorten(options.version, ownText)),
    text(0x0020000e, "UI", uidOf("series", ...identity)),
    text(0x00200011, "IS", String(1000 + (Number.parseInt(copied(0x00200011), 10) || 0))),
    text(0x00200013, "IS", "1"),
    sequence(0x00209221, [text(0x00209164, "UI", dimensions)]),
    sequence(0x00209222, dimension(0x0062000b, 0x0062000a), ...(isPlaced ? [dimension(0x00200032, 0x00209113)] : [])),
    unsigned(0x00280002, "US", 1),
    text(0x00280004, "CS", "MONOCHROME2"),
    text(0x00280008, "IS", String(frames.length)),
    unsigned(0x00280010, "US", shape[1]),
    unsigned(0x00280011, "US", shape[2]),
    unsigned(0x00280100, "US", 1),
    unsigned(0x00280101, "US", 1),
    unsigned(0x00280102, "US", 0),
    unsigned(0x00280103, "US", 0),
    text(0x00282110, "CS", copied(0x00282110) || "00"),
    text(0x00620001, "CS", "BINARY"),
    sequence(0x00620002, ...options.segments.map((segment, index) => segmentItem(segment, index, options.algorithm, ownText))),
    text(0x00620013, "CS", "NO"),
    text(0x00700080, "CS", "SEGMENTATION"),
    text(0x00700081, "LO"),
    text(0x00700084, "PN"),
    ...(frameOfReference === undefined ? [] : [text(0x00200052, "UI", frameOfReference)]),
    sequence(0x52009229, sharedGroups(image)),
    sequence(0x52009230, ...frameGroups(frames, image)),
    { tag: 0x7fe00010, type: "OB", value: pixels },
  ];
  // What DICOM wants to be there, though empty: the date, the time and the id of the study, the patient, the place's remark.
  const placeRemark = 0x00201040;
  const wanted = [0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00200010, placeRemark];
  const repeated = new Map([...wanted.map((tag) => [tag, new Uint8Array(0)] as const), ...study]);
  for (const tag of [0x00080021, 0x00080031]) repeated.delete(tag); // of the image's series, not of this one
  if (frameOfReference === undefined) repeated.delete(placeRemark);
  for (const { tag } of own) repeated.delete(tag);
  return [...own, ...[...repeated].map(([tag, value]) => ({ tag, type: studyTags.get(tag)!, value }))];
}

/** How a segmentation's own texts are written: as UTF-8, or, beside texts of another character set, as ASCII. */
type OwnText = "utf-8" | "ascii";

function ownTextBeside(study: DicomSource["study"]): OwnText {
  const characters = Buffer.from(study.get(0x00080005) ?? []).toString("latin1").replace(/[\0 ]+$/, "");
  const isAscii = [...study.values()].every((value) => value.every((byte) => byte < 0x80 && byte !== 0x1b));
  return characters === "ISO_IR 192" || isAscii ? "utf-8" : "ascii";
}

/** A text of at most 64 characters without the separator of several values. */
function shorten(value: string, own: OwnText): string {
  const plain = [...value.replaceAll("\\", "/")].slice(0, 64).join("");
  return own === "utf-8" ? plain : plain.normalize("NFD").replaceAll(/\p{M}/gu, "").replaceAll(/[^\x20-\x7e]/g, "?");
}

/** Tissue (SCT), as programs have it for classes that they know by name only. */
const tissue: readonly DicomElement[] = [text(0x00080100, "SH", "85756007"), text(0x00080102, "SH", "SCT"), text(0x00080104, "LO", "Tissue")];

function segmentItem({ name, colour }: DicomSegment, index: number, algorithm: string, own: OwnText): DicomElement[] {
  return [
    sequence(0x00620003, tissue),
    unsigned(0x00620004, "US", index + 1),
    text(0x00620005, "LO", shorten(name, own)),
    text(0x00620008, "CS", "AUTOMATIC"),
    text(0x00620009, "LO", shorten(algorithm, own)),
    unsigned(0x0062000d, "US", ...dicomCielab(colour)),
    sequence(0x0062000f, tissue),
  ];
}

function referenceTo({ sopClass, sopInstance }: DicomSource["instances"][number]): DicomElement[] {
  return [text(0x00081150, "UI", sopClass), text(0x00081155, "UI", sopInstance)];
}

/** Where the slices lie in the patient, by the words of their files; undefined where a file does not tell. */
function placementOf({ dicom, geometry }: DicomImage): { orientation: readonly number[]; positions: readonly (readonly number[])[] } | undefined {
  const positions = dicom.instances.flatMap(({ position }) => (position === undefined ? [] : [position]));
  if (geometry === undefined || dicom.orientation === undefined || positions.length < dicom.instances.length) return undefined;
  return { orientation: dicom.orientation, positions };
}

function sharedGroups(image: DicomImage): DicomElement[] {
  const placement = placementOf(image);
  const { geometry, dicom } = image;
  const measures = [
    ...(geometry === undefined || placement === undefined ? [] : [decimals(0x00180050, geometry.spacing[2]), decimals(0x00180088, geometry.spacing[2])]),
    ...(dicom.pixelSpacing === undefined ? [] : [decimals(0x00280030, ...dicom.pixelSpacing)]),
  ];
  return [
    ...(placement === undefined ? [] : [sequence(0x00209116, [decimals(0x00200037, ...placement.orientation)])]),
    ...(measures.length === 0 ? [] : [sequence(0x00289110, measures)]),
  ];
}

function frameGroups(frames: readonly Frame[], image: DicomImage): DicomElement[][] {
  const placement = placementOf(image);
  const slices = [...new Set(frames.map(({ slice }) => slice))].toSorted((a, b) => a - b);
  const code = (value: string, meaning: string): DicomElement[] => [text(0x00080100, "SH", value), text(0x00080102, "SH", "DCM"), text(0x00080104, "LO", meaning)];
  return frames.map(({ segment, slice }) => {
    const purpose = sequence(0x0040a170, code("121322", "Source image for image processing operation"));
    const source = [...referenceTo(image.dicom.instances[slice]!), purpose];
    return [
      sequence(0x00089124, [sequence(0x00082112, source), sequence(0x00089215, code("113076", "Segmentation"))]),
      sequence(0x00209111, [unsigned(0x00209157, "UL", segment + 1, ...(placement === undefined ? [] : [slices.indexOf(slice) + 1]))]),
      ...(placement === undefined ? [] : [sequence(0x00209113, [decimals(0x00200032, ...placement.positions[slice]!)])]),
      sequence(0x0062000a, [unsigned(0x0062000b, "US", segment + 1)]),
    ];
  });
}

function framesOf(labels: Uint8Array, shape: VolumeShape, segments: readonly DicomSegment[]): Frame[] {
  const size = shape[1] * shape[2];
  const slices = Array.from({ length: shape[0] }, (_, slice) => new Set(labels.subarray(slice * size, (slice + 1) * size)));
  const frames = segments.flatMap(({ label }, segment) => slices.flatMap((values, slice) => (values.has(label) ? [{ segment, slice }] : [])));
  return frames.length > 0 ? frames : slices.map((_, slice) => ({ segment: 0, slice }));
}

/** One bit a pixel, the first in the lowest bit; frames follow each other without a gap (PS3.5 8.1.1). */
function packFrames(labels: Uint8Array, shape: VolumeShape, frames: readonly Frame[], segments: readonly DicomSegment[]): Uint8Array {
  const size = shape[1] * shape[2];
  const bits = new Uint8Array(Math.ceil((frames.length * size) / 8));
  for (const [index, { segment, slice }] of frames.entries()) {
    const { label } = segments[segment]!;
    for (let pixel = 0, bit = index * size; pixel < size; pixel++, bit++) {
      if (labels[slice * size + pixel] === label) bits[bit >> 3] = bits[bit >> 3]! | (1 << (bit & 7));
    }
  }
  return bits;
}
