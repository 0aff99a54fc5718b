import { createHash } from "node:crypto";

/** One element of a data set, or a sequence of items; in items, elements are in the order of their tags. */
export interface DicomElement {
  readonly tag: number;
  /** The type of its value (PS3.5 6.2), such as "UI"; "SQ" for items. */
  readonly type: string;
  readonly value: Uint8Array | readonly (readonly DicomElement[])[];
}

/** Types whose length takes four bytes (PS3.5 7.1.2). */
const longTypes = new Set(["OB", "OW", "SQ"]);
const undefinedLength = 0xffffffff;

/** A text, or several of one element. Texts are UTF-8. */
export function text(tag: number, type: string, ...values: readonly string[]): DicomElement {
  return { tag, type, value: new TextEncoder().encode(values.join("\\")) };
}

/** Decimal strings: as many digits as the 16 characters of each allow. */
export function decimals(tag: number, ...values: readonly number[]): DicomElement {
  return text(tag, "DS", ...values.map(decimalString));
}

/** Unsigned numbers of two bytes (US) or four (UL), or tags (AT). */
export function unsigned(tag: number, type: "US" | "UL" | "AT", ...values: readonly number[]): DicomElement {
  const bytes = Buffer.alloc(values.length * (type === "US" ? 2 : 4));
  for (const [index, value] of values.entries()) {
    if (type === "US") bytes.writeUInt16LE(value, 2 * index);
    else if (type === "UL") bytes.writeUInt32LE(value, 4 * index);
    else {
      bytes.writeUInt16LE(value >>> 16, 4 * index);
      bytes.writeUInt16LE(value & 0xffff, 4 * index + 2);
    }
  }
  return { tag, type, value: bytes };
}

export function sequence(tag: number, ...items: readonly (readonly DicomElement[])[]): DicomElement {
  return { tag, type: "SQ", value: items };
}

/**
 * A DICOM file (PS3.10) in explicit little-endian coding.
 *
 * @param elements the data set, in any order; with SOP class (0008,0016) and instance (0008,0018)
 * @param implementation the UID and the name of what writes it
 */
export function encodeDicomFile(elements: readonly DicomElement[], implementation: { readonly uid: string; readonly name: string }): Uint8Array {
  const valueOf = (tag: number): Uint8Array => elements.find((element) => element.tag === tag)!.value as Uint8Array;
  const meta = encode([
    { tag: 0x00020001, type: "OB", value: Uint8Array.of(0, 1) },
    { tag: 0x00020002, type: "UI", value: valueOf(0x00080016) },
    { tag: 0x00020003, type: "UI", value: valueOf(0x00080018) },
    text(0x00020010, "UI", "1.2.840.10008.1.2.1"),
    text(0x00020012, "UI", implementation.uid),
    text(0x00020013, "SH", implementation.name),
  ]);
  const length = encode([unsigned(0x00020000, "UL", meta.length)]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), length, meta, encode(elements)]);
}

function encode(elements: readonly DicomElement[]): Buffer {
  return Buffer.concat(elements.toSorted((a, b) => a.tag - b.tag).flatMap(encodeElement));
}

function encodeElement({ tag, type, value }: DicomElement): Buffer[] {
  const isSequence = !(value instanceof Uint8Array);
  const head = Buffer.alloc(longTypes.has(type) ? 12 : 8);
  writeTag(head, tag);
  head.write(type, 4, "latin1");
  if (!isSequence) {
    const padded = value.length + (value.length % 2);
    if (longTypes.has(type)) head.writeUInt32LE(padded, 8);
    else head.writeUInt16LE(padded, 6);
    // Texts are padded by a space, UIDs and bytes by zero.
    const padding = type.startsWith("O") || type === "UI" ? 0 : 0x20;
    return [head, Buffer.from(value.buffer, value.byteOffset, value.byteLength), Buffer.alloc(padded - value.length, padding)];
  }
  head.writeUInt32LE(undefinedLength, 8);
  const items = value.flatMap((item) => [mark(0xfffee000, undefinedLength), encode(item), mark(0xfffee00d, 0)]);
  return [head, ...items, mark(0xfffee0dd, 0)];
}

function mark(tag: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  writeTag(bytes, tag);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

function writeTag(bytes: Buffer, tag: number): void {
  bytes.writeUInt16LE(tag >>> 16, 0);
  bytes.writeUInt16LE(tag & 0xffff, 2);
}

function decimalString(value: number): string {
  for (let digits = 17; ; digits--) {
    const result = String(Number(value.toPrecision(digits)));
    if (result.length <= 16) return result;
  }
}

/** A UID that follows from texts: that of a UUID of version 8 (RFC 9562), which holds their SHA-256 (PS3.5 B.2). */
export function uidOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  const bytes = hash.digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString("hex")}`)}`;
}
