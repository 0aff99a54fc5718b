import { open } from "node:fs/promises";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/files-node";

/** What of a DICOM file says where its image lies and how it is stored. Absent fields are undefined. */
export interface DicomTags {
  readonly path: string;
  readonly sopClass: string;
  readonly sopInstance: string;
  readonly frameOfReference?: string | undefined;
  readonly series: string;
  readonly description: string;
  readonly modality: string;
  readonly instance: string;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly samples: number;
  /** Of a sample in the file. */
  readonly bits: number;
  /** Of them, those that hold the value. */
  readonly bitsStored: number;
  readonly position?: readonly number[] | undefined;
  readonly orientation?: readonly number[] | undefined;
  /** Between rows, then between columns, in millimetres. */
  readonly pixelSpacing?: readonly number[] | undefined;
  readonly thickness?: number | undefined;
  readonly slope: number;
  readonly intercept: number;
  /** What says whose image it is, and of which study: the values as stored, by tag ({@link studyTags}). */
  readonly study: ReadonlyMap<number, Uint8Array>;
}

/**
 * Patient, study and what else an object that is derived from an image repeats of it, with the types of the values
 * (PS3.6): first the character set that the texts are in.
 */
export const studyTags: ReadonlyMap<number, string> = new Map([
  [0x00080005, "CS"],
  [0x00080020, "DA"],
  [0x00080021, "DA"],
  [0x00080023, "DA"],
  [0x00080030, "TM"],
  [0x00080031, "TM"],
  [0x00080033, "TM"],
  [0x00080050, "SH"],
  [0x00080090, "PN"],
  [0x00081030, "LO"],
  [0x00100010, "PN"],
  [0x00100020, "LO"],
  [0x00100030, "DA"],
  [0x00100040, "CS"],
  [0x00101010, "AS"],
  [0x0020000d, "UI"],
  [0x00200010, "SH"],
  [0x00200011, "IS"],
  [0x00201040, "LO"],
  [0x00282110, "CS"],
]);

/** Segmentation Storage: masks of an image, no image of their own. */
export const segmentationClass = "1.2.840.10008.5.1.4.1.1.66.4";

const implicitLittle = "1.2.840.10008.1.2";
const explicitBig = "1.2.840.10008.1.2.2";
const deflated = "1.2.840.10008.1.2.1.99";
/** Transfer syntaxes that store pixels as they are. */
const uncompressed = [implicitLittle, "1.2.840.10008.1.2.1"];

const pixelData = 0x7fe00010;
const undefinedLength = 0xffffffff;
const longTypes = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
/** Elements before the pixels are far smaller than this, in all. */
const mostTagBytes = 64 << 20;

const wanted: Readonly<Record<number, string>> = {
  0x00080016: "sopClass",
  0x00080018: "sopInstance",
  0x00080060: "modality",
  0x0008103e: "description",
  0x00180050: "thickness",
  0x0020000e: "series",
  0x00200013: "instance",
  0x00200032: "position",
  0x00200037: "orientation",
  0x00200052: "frameOfReference",
  0x00280002: "samples",
  0x00280008: "frames",
  0x00280010: "rows",
  0x00280011: "columns",
  0x00280030: "pixelSpacing",
  0x00280100: "bits",
  0x00280101: "bitsStored",
  0x00281052: "intercept",
  0x00281053: "slope",
};
const words = new Set(["samples", "rows", "columns", "bits", "bitsStored"]);

/** Modalities whose files are images. */
const imaging = new Set(["CT", "MR", "PT", "NM", "US", "CR", "DX", "MG", "XA"]);

/** The bytes read so far do not hold all elements. */
class MoreNeeded extends Error {}

/** What is wrong with a file, in words. */
class Damaged extends Error {}

interface Found {
  readonly values: ReadonlyMap<string, string | number>;
  readonly study: ReadonlyMap<number, Uint8Array>;
  readonly syntax: string;
  /** Where the pixels begin, and their length; absent for files without an image. */
  readonly pixels?: { readonly begin: number; readonly length: number } | undefined;
}

/**
 * Reads the tags of a DICOM file that a volume needs, up to its pixels. Files without "DICM" at byte 128, and DICOM files
 * without an image (DICOMDIR, reports, structure sets, segmentations), give `undefined`.
 *
 * ITK-Wasm's tag reader takes 75 ms a file, this one about 1 ms, which matters for series of hundreds of files.
 *
 * @throws `file.read`; `datasets.volume` for damaged or truncated files and transfer syntaxes that cannot be read
 */
export async function readDicomTags(path: string): Promise<DicomTags | undefined> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      for (let count = 16384; ; count *= 8) {
        const bytes = Buffer.alloc(Math.min(count, size));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
        if (bytesRead < 132 || bytes.toString("latin1", 128, 132) !== "DICM") return undefined;
        try {
          return toTags(path, parse(bytes.subarray(0, bytesRead), bytesRead >= size), size);
        } catch (error) {
          if (!(error instanceof MoreNeeded)) throw error;
          if (count >= size) throw new Damaged("it ends within its tags: the file is truncated. Copy or download it again.");
          if (count >= mostTagBytes) throw new Damaged("it has no pixels within its first 64 MiB; the file is damaged.");
        }
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof HidiffError) throw error;
    if (error instanceof Damaged) throw new HidiffError("datasets.volume", `readVolume: the DICOM file "${path}": ${error.message}`, { cause: error });
    throw fileError("read", path, error);
  }
}

/** Reads elements one after the other. */
class Elements {
  position = 0;

  constructor(
    readonly bytes: Buffer,
    public explicit: boolean,
  ) {}

  /** Makes sure that `count` more bytes are there. */
  need(count: number): void {
    if (this.position + count > this.bytes.length) throw new MoreNeeded();
  }

  /** The next element's tag, type and length; the position is behind them. */
  next(): { tag: number; type: string; length: number } {
    this.need(8);
    const tag = this.bytes.readUInt16LE(this.position) * 65536 + this.bytes.readUInt16LE(this.position + 2);
    let type = "";
    let length = this.bytes.readUInt32LE(this.position + 4);
    // Items and their ends have no type.
    if (this.explicit && tag < 0xfffe0000) {
      type = this.bytes.toString("latin1", this.position + 4, this.position + 6);
      if (!/^[A-Z]{2}$/.test(type)) throw new Damaged("its tags are damaged. Copy or download it again.");
      length = this.bytes.readUInt16LE(this.position + 6);
      if (longTypes.has(type)) {
        this.need(12);
        length = this.bytes.readUInt32LE(this.position + 8);
        this.position += 4;
      }
    } else if (this.explicit && tag < 0xfffee000) {
      throw new Damaged("its tags are damaged. Copy or download it again.");
    }
    this.position += 8;
    return { tag, type, length };
  }

  /** Goes behind an element's value. */
  skip(type: string, length: number, depth = 0): void {
    if (length !== undefinedLength) {
      this.need(length);
      this.position += length;
      return;
    }
    if (depth > 64) throw new Damaged("its sequences are nested too deeply; the file is damaged.");
    const explicit = this.explicit;
    if (type === "UN") this.explicit = false; // PS3.5 6.2.2: unknown sequences are coded implicitly
    for (let item = this.next(); item.tag !== 0xfffee0dd; item = this.next()) {
      if (item.tag !== 0xfffee000) throw new Damaged("a sequence in its tags is damaged. Copy or download it again.");
      if (item.length !== undefinedLength) this.skip("", item.length);
      else for (let inner = this.next(); inner.tag !== 0xfffee00d; inner = this.next()) this.skip(inner.type, inner.length, depth + 1);
    }
    this.explicit = explicit;
  }
}

/** @param whole whether `bytes` are the whole file, so that it may end without pixels */
function parse(bytes: Buffer, whole: boolean): Found {
  const values = new Map<string, string | number>();
  const study = new Map<number, Uint8Array>();
  const elements = new Elements(bytes, true);
  elements.position = 132;
  let syntax = "";
  let inMeta = true;
  for (;;) {
    if (elements.position === bytes.length) {
      if (whole) return { values, study, syntax };
      throw new MoreNeeded();
    }
    if (inMeta) {
      elements.need(2);
      if (bytes.readUInt16LE(elements.position) !== 2) {
        inMeta = false;
        if (syntax === explicitBig || syntax === deflated) {
          throw new Damaged(
            `its transfer syntax ${syntax} (${syntax === deflated ? "deflated" : "big-endian"}) is not supported; convert it, for ` +
              "example with dcmconv +te.",
          );
        }
        elements.explicit = syntax !== implicitLittle;
      }
    }
    const { tag, type, length } = elements.next();
    if (tag === pixelData) return { values, study, syntax, pixels: { begin: elements.position, length } };
    if (tag > pixelData) return { values, study, syntax };
    const begin = elements.position;
    elements.skip(type, length);
    const name = wanted[tag];
    if (tag === 0x00020010) syntax = text(bytes, begin, elements.position);
    else if (name !== undefined && length !== undefinedLength) {
      if (words.has(name)) values.set(name, length >= 2 ? bytes.readUInt16LE(begin) : Number.NaN);
      else values.set(name, text(bytes, begin, elements.position));
    }
    // Copied, since `bytes` is far larger.
    if (studyTags.has(tag) && length !== undefinedLength) study.set(tag, Uint8Array.from(bytes.subarray(begin, elements.position)));
  }
}

function text(bytes: Buffer, begin: number, end: number): string {
  return bytes.toString("latin1", begin, end).replace(/[\0 ]+$/, "").trim();
}

function toTags(path: string, { values, study, syntax, pixels }: Found, size: number): DicomTags | undefined {
  if (values.get("sopClass") === segmentationClass) return undefined;
  const rows = Number(values.get("rows") ?? Number.NaN);
  const columns = Number(values.get("columns") ?? Number.NaN);
  if (pixels === undefined) {
    if (Number.isNaN(rows) && !imaging.has(String(values.get("modality")))) return undefined;
    throw new Damaged("it should hold an image but has no pixels: the file is truncated. Copy or download it again.");
  }
  if (!(rows > 0 && columns > 0)) throw new Damaged("it has pixels but no rows or columns; the file is damaged.");
  const list = (name: string, count: number): number[] | undefined => {
    const value = values.get(name);
    if (value === undefined || value === "") return undefined;
    const numbers = String(value).split("\\").map(Number);
    if (numbers.length !== count || !numbers.every(Number.isFinite)) {
      throw new Damaged(
        `its ${name} is "${value}"; expected ${count} finite numbers. The file is damaged.`,
      );
    }
    return numbers;
  };
  const number = (name: string, fallback: number): number => list(name, 1)?.[0] ?? fallback;
  const string = (name: string): string => String(values.get(name) ?? "");
  const bits = number("bits", 16);
  const tags: DicomTags = {
    path,
    sopClass: string("sopClass"),
    sopInstance: string("sopInstance"),
    frameOfReference: string("frameOfReference") || undefined,
    series: string("series"),
    description: string("description"),
    modality: string("modality"),
    instance: string("instance"),
    rows,
    columns,
    frames: number("frames", 1),
    samples: number("samples", 1),
    bits,
    bitsStored: number("bitsStored", bits),
    position: list("position", 3),
    orientation: list("orientation", 6),
    pixelSpacing: list("pixelSpacing", 2),
    thickness: list("thickness", 1)?.[0],
    slope: number("slope", 1),
    intercept: number("intercept", 0),
    study,
  };
  checkPixels(tags, syntax, pixels, size);
  return tags;
}

/** Uncompressed pixels must be as many as rows and columns say, and within the file. */
function checkPixels(tags: DicomTags, syntax: string, pixels: { begin: number; length: number }, size: number): void {
  if (pixels.length !== undefinedLength && pixels.begin + pixels.length > size) {
    throw new Damaged(`its pixels take ${pixels.length} bytes, but only ${size - pixels.begin} are there: the file is truncated. Copy or download it again.`);
  }
  if (!uncompressed.includes(syntax)) {
    if (pixels.length === undefinedLength) return;
    throw new Damaged(`its transfer syntax ${syntax} says that its pixels are compressed, but they are not. The file is damaged; copy or download it again.`);
  }
  const expected = Math.ceil((tags.rows * tags.columns * tags.samples * tags.frames * tags.bits) / 8);
  if (pixels.length < expected || pixels.length > expected + 1) {
    throw new Damaged(
      `its header promises ${expected} bytes of pixels (${tags.columns}×${tags.rows}), but it has ${pixels.length}. The file is ` +
        "damaged; copy or download it again.",
    );
  }
}
