import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DicomElement, decimals, encodeDicomFile, text, unsigned } from "./dicom-encode.ts";
import { readDicomImage } from "./dicom-image.ts";
import { readDicomTags } from "./dicom-tags.ts";
import { quietly } from "./quietly.ts";
import { readVolume } from "./read-volume.ts";
import { type Volume, voxelCount } from "./volume.ts";
import { type DicomImage, writeDicomSegmentation } from "./write-dicom-segmentation.ts";

const fixtures = fileURLToPath(new URL("./fixtures", import.meta.url));
const options = {
  segments: [
    { label: 1, name: "Gefäß", colour: "#e6194b" },
    { label: 2, name: "absent", colour: "#3cb44b" },
    { label: 3, name: "core", colour: "#4363d8" },
  ],
  algorithm: "hidiff test",
  version: "1.2.3",
  serialNumber: "0123456789abcdef",
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-segmentation-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function openSeries(name: string): Promise<Volume & DicomImage> {
  const volume = await readVolume(join(fixtures, name));
  return { ...volume, dicom: volume.dicom! };
}

/** Labels 1 and 3, in no first and no last slice. */
function labelsOf({ shape: [depth, height, width] }: Volume): Uint8Array {
  return Uint8Array.from({ length: depth * height * width }, (_, voxel) => {
    const slice = Math.floor(voxel / (height * width));
    return slice === 0 || slice === depth - 1 ? 0 : [0, 1, 3, 3, 1][(voxel * 7) % 5]!;
  });
}

/** What dcmqi, which reads such objects on DCMTK, finds in a file. */
async function readIndependently(path: string) {
  const { readSegmentationNode } = await import("@itk-wasm/dicom");
  const read = await quietly(() => readSegmentationNode(path));
  if ("error" in read) throw new Error(`dcmqi cannot read ${path}: ${read.printed}`, { cause: read.error });
  return read.value;
}

/** A file's text of a tag of the outermost level. */
function find(bytes: Buffer, group: number, element: number, type: string): string {
  const head = Buffer.from([group & 255, group >> 8, element & 255, element >> 8, ...Buffer.from(type)]);
  const at = bytes.indexOf(head);
  return at < 0 ? "" : bytes.toString("utf8", at + 8, at + 8 + bytes.readUInt16LE(at + 6)).replace(/[\0 ]+$/, "");
}

describe("writeDicomSegmentation", () => {
  it.each(["dicom-ct", "dicom-oblique"])("writes what dcmqi reads voxel by voxel in the same place: %s", async (name) => {
    const series = await openSeries(name);
    const labels = labelsOf(series);
    const path = join(folder, `${name}.dcm`);
    await writeDicomSegmentation(path, labels, series, options);
    const { segImage, metaInfo } = await readIndependently(path);
    // Only slices that have something are there: all but the first and the last.
    const [depth, height, width] = series.shape;
    const size = height * width;
    expect(segImage.size).toEqual([width, height, depth - 2]);
    expect(segImage.spacing).toEqual(series.geometry.spacing.map((value) => expect.closeTo(value, 5)));
    expect([...(segImage.direction as Float64Array)]).toEqual(series.geometry.direction.map((value) => expect.closeTo(value, 5)));
    expect(segImage.origin).toEqual(series.dicom.instances[1]!.position!.map((value) => expect.closeTo(value, 5)));
    // dcmqi gives the voxels the numbers of the segments.
    const numbers = labels.subarray(size, labels.length - size);
    expect(Array.from(segImage.data as Int16Array)).toEqual(Array.from(numbers));
    const { segmentAttributes } = metaInfo as unknown as { segmentAttributes: { SegmentLabel: string; SegmentAlgorithmType: string; recommendedDisplayRGBValue: number[] }[][] };
    expect(segmentAttributes.flat().map(({ SegmentLabel, SegmentAlgorithmType, recommendedDisplayRGBValue }) => [SegmentLabel, SegmentAlgorithmType, recommendedDisplayRGBValue])).toEqual(
      // Colours go through 16 bits of CIELab and back.
      [["Gefäß", "AUTOMATIC", near(230, 25, 75)], ["absent", "AUTOMATIC", near(60, 180, 75)], ["core", "AUTOMATIC", near(67, 99, 216)]],
    );
  });

  it("says whose image it is, and which slices it was made of", async () => {
    const series = await openSeries("dicom-ct");
    const path = join(folder, "references.dcm");
    await writeDicomSegmentation(path, labelsOf(series), series, options);
    const bytes = await readFile(path);
    expect(find(bytes, 0x0008, 0x0016, "UI")).toBe("1.2.840.10008.5.1.4.1.1.66.4");
    expect(find(bytes, 0x0020, 0x000d, "UI")).toBe("1.2.826.0.1.3680043.8.498.1.100");
    expect(find(bytes, 0x0062, 0x0001, "CS")).toBe("BINARY");
    for (const uid of [find(bytes, 0x0008, 0x0018, "UI"), find(bytes, 0x0002, 0x0012, "UI")]) expect(uid).toMatch(/^2\.25\.[1-9]\d{20,38}$/);
    for (const { sopInstance } of series.dicom.instances) expect(bytes.includes(sopInstance)).toBe(true);
    // For readers of images it is none.
    expect(await readDicomTags(path)).toBeUndefined();
  });

  it("gives the same bytes again, and another identity to other masks", async () => {
    const series = await openSeries("dicom-ct");
    const labels = labelsOf(series);
    const [one, again, other] = ["one.dcm", "again.dcm", "other.dcm"].map((name) => join(folder, name)) as [string, string, string];
    await writeDicomSegmentation(one, labels, series, options);
    await writeDicomSegmentation(again, labels, series, options);
    await writeDicomSegmentation(other, labels.map((label) => (label === 3 ? 1 : label)), series, options);
    expect((await readFile(again)).equals(await readFile(one))).toBe(true);
    const uids = await Promise.all([one, other].map(async (path) => find(await readFile(path), 0x0008, 0x0018, "UI")));
    expect(uids[0]).not.toBe(uids[1]);
  });

  it("has all slices of the first class where nothing was found", async () => {
    const series = await openSeries("dicom-ct");
    const path = join(folder, "empty.dcm");
    await writeDicomSegmentation(path, new Uint8Array(voxelCount(series.shape)), series, options);
    const { segImage } = await readIndependently(path);
    expect(segImage.size).toEqual([5, 4, 4]);
    expect(new Set(segImage.data as Int16Array)).toEqual(new Set([0]));
  });

  it("keeps the patient's name in its own character set, and then writes its own texts in ASCII", async () => {
    const series = await openSeries("dicom-ct");
    const latin = new Map([...series.dicom.study, [0x00080005, Buffer.from("ISO_IR 100")], [0x00100010, Buffer.from("M\u00fcller", "latin1")]] as const);
    const path = join(folder, "latin.dcm");
    await writeDicomSegmentation(path, labelsOf(series), { ...series, dicom: { ...series.dicom, study: latin } }, options);
    const bytes = await readFile(path);
    expect(find(bytes, 0x0008, 0x0005, "CS")).toBe("ISO_IR 100");
    expect(bytes.includes(Buffer.from("M\u00fcller", "latin1"))).toBe(true);
    expect(bytes.includes("Gefa?")).toBe(true);
  });

  it("refuses labels of another size", async () => {
    const series = await openSeries("dicom-ct");
    await expect(writeDicomSegmentation(join(folder, "size.dcm"), new Uint8Array(3), series, options)).rejects.toMatchObject({ code: "datasets.size" });
  });
});

describe("readDicomImage", () => {
  const write = async (name: string, photometric: string, bits: number, values: readonly number[], more: readonly DicomElement[] = []): Promise<string> => {
    const samples = photometric === "RGB" ? 3 : 1;
    const path = join(folder, name);
    const pixels = bits > 8 ? Buffer.from(Uint16Array.from(values).buffer) : Uint8Array.from(values);
    const elements: DicomElement[] = [
      text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
      text(0x00080018, "UI", "1.2.3.4"),
      text(0x0020000d, "UI", "1.2.3"),
      text(0x0020000e, "UI", "1.2.3.5"),
      unsigned(0x00280002, "US", samples),
      text(0x00280004, "CS", photometric),
      ...(samples === 3 ? [unsigned(0x00280006, "US", 0)] : []),
      unsigned(0x00280010, "US", 2),
      unsigned(0x00280011, "US", values.length / samples / 2),
      decimals(0x00280030, 0.2, 0.1),
      unsigned(0x00280100, "US", bits > 8 ? 16 : 8),
      unsigned(0x00280101, "US", bits),
      unsigned(0x00280102, "US", bits - 1),
      unsigned(0x00280103, "US", 0),
      ...more,
      { tag: 0x7fe00010, type: bits > 8 ? "OW" : "OB", value: pixels },
    ];
    await writeFile(path, encodeDicomFile(elements, { uid: "1.2.3.9", name: "TEST" }));
    return path;
  };

  it("takes colours as they are stored, and the size of a pixel", async () => {
    const values = Array.from({ length: 18 }, (_, index) => 14 * index);
    const { image, dicom } = await readDicomImage(await write("colour.dcm", "RGB", 8, values));
    expect(image).toEqual({ height: 2, width: 3, channels: 3, data: Uint8Array.from(values) });
    expect(dicom.pixelSpacing).toEqual([0.2, 0.1]);
  });

  it("scales more bits to 65535, and turns images round whose white is 0", async () => {
    const grey = await readDicomImage(await write("grey.dcm", "MONOCHROME2", 12, [0, 1, 2048, 4095]));
    expect(grey.image.data).toEqual(Uint16Array.of(0, 16, 32776, 65535));
    const inverse = await readDicomImage(await write("inverse.dcm", "MONOCHROME1", 12, [0, 1, 2048, 4095]));
    expect(inverse.image.data).toEqual(Uint16Array.of(65535, 65519, 32759, 0));
  });

  it("refuses values in units, and what is no image", async () => {
    await expect(readDicomImage(join(fixtures, "dicom-ct/slice0"))).rejects.toThrow(/unit of their own \(RescaleSlope 1, RescaleIntercept -1024\)/);
    const notes = join(folder, "notes");
    await writeFile(notes, "no DICOM");
    await expect(readDicomImage(notes)).rejects.toMatchObject({ code: "datasets.volume", message: expect.stringContaining("is no DICOM image") });
  });

  it("is segmented without a place in the patient, too", async () => {
    const { image, dicom } = await readDicomImage(await write("picture.dcm", "MONOCHROME2", 8, [0, 1, 2, 3]));
    const path = join(folder, "picture_mask.dcm");
    await writeDicomSegmentation(path, Uint8Array.of(0, 1, 1, 0), { path, shape: [1, image.height, image.width], dicom }, options);
    const bytes = await readFile(path);
    expect(bytes.includes("1.2.3.4")).toBe(true);
    expect(find(bytes, 0x0028, 0x0030, "DS")).toBe("0.2\\0.1");
    expect(bytes.at(-2)).toBe(0b0110);
  });

  it("reads one slice of a series as a volume of one slice", async () => {
    const whole = await readVolume(join(fixtures, "dicom-ct"));
    const slice = await readVolume(join(fixtures, "dicom-ct/slice0"));
    expect(slice).toMatchObject({ format: "dicom", shape: [1, 4, 5], geometry: { origin: whole.geometry.origin } });
    expect(Array.from(slice.data)).toEqual(Array.from(whole.data.subarray(0, 20)));
  });
});

/** Each number less than 1.1 off. */
function near(...values: readonly number[]): unknown[] {
  return values.map((value) => expect.closeTo(value, -0.31));
}
