import { elementCount } from "../arrays/element-count.ts";
import { HidiffError } from "../errors.ts";

/** Where a safetensors file's array is. */
interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** The first byte and the one behind the last, counted from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An array in the header, as the format writes it. */
interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** An array to be written. */
interface WrittenArray {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** What a safetensors file begins with: the header's length and the JSON header, padded so that the data are aligned. */
export function encodeSafetensorsHeader(arrays: readonly WrittenArray[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header = new Map<string, HeaderEntry | Readonly<Record<string, string>>>([["__metadata__", metadata]]);
  let offset = 0;
  for (const { name, dtype, shape, byteLength } of arrays) {
    header.set(name, { dtype, shape, data_offsets: [offset, offset + byteLength] });
    offset += byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const bytes = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(text, 8);
  return bytes;
}

/** The format's own limit. */
const longestHeader = 100_000_000;

/**
 * Where a safetensors file's data begin; its JSON header lies between byte 8 and there.
 *
 * @param start the first 8 bytes of the file, or all if there are fewer
 * @throws HidiffError `safetensors.format`
 */
export function safetensorsDataStart(start: Uint8Array, fileSize: number, name: string): number {
  const fail = failure(name);
  if (start.length < 8) fail(`only ${fileSize} bytes long`);
  const headerLength = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (headerLength > longestHeader) fail("does not start with a safetensors header");
  if (8 + headerLength > fileSize) fail(`truncated: the header alone needs ${8 + headerLength} bytes, the file has ${fileSize}`);
  return 8 + headerLength;
}

/**
 * Reads the JSON header of a safetensors file. As the format demands, the arrays must fill the data completely, without
 * overlap; hence no name can be there twice unless its array is empty.
 *
 * @param sizeOfElement gives the bytes of an element, or throws
 * @throws HidiffError `safetensors.format`
 */
export function decodeSafetensorsHeader(
  header: Uint8Array,
  fileSize: number,
  name: string,
  sizeOfElement: (dtype: string, key: string) => number,
): SafetensorsHeader {
  const fail = failure(name);
  const dataStart = 8 + header.length;
  const parsed = parseHeader(header) ?? fail("its header is not JSON");
  const { __metadata__: metadata = {}, ...found } = parsed as Record<string, HeaderEntry> & { __metadata__?: Record<string, string> };
  if (metadata === null || typeof metadata !== "object" || Object.values(metadata).some((value) => typeof value !== "string")) {
    fail("its metadata are not texts");
  }
  const entries = new Map<string, SafetensorsEntry>();
  for (const [key, entry] of Object.entries(found)) {
    if (!isEntry(entry)) fail(`the header's entry for ${key} is malformed`);
    const { dtype, shape } = entry;
    const [begin, end] = entry.data_offsets;
    const expected = sizeOfElement(dtype, key) * elementCount(shape);
    if (end - begin !== expected) fail(`${key} has ${end - begin} bytes, its shape [${shape}] needs ${expected}`);
    if (dataStart + end > fileSize) fail(`truncated: ${key} ends at byte ${dataStart + end}, the file has ${fileSize}`);
    entries.set(key, { dtype, shape, begin: dataStart + begin, end: dataStart + end });
  }
  let position = dataStart;
  for (const [key, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin < position) fail(`${key} overlaps another array`);
    if (begin > position) fail(`${begin - position} bytes before ${key} belong to no array`);
    position = end;
  }
  if (position !== fileSize) fail(`${fileSize - position} bytes at the end belong to no array`);
  return { entries, metadata };
}

function failure(name: string): (what: string) => never {
  return (what) => {
    throw new HidiffError("safetensors.format", `${name}: ${what}. Expected a complete safetensors file; write or copy it again.`);
  };
}

function parseHeader(bytes: Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof parsed === "object" && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(entry: Partial<HeaderEntry> | null): boolean {
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  const isSize = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  return (
    typeof dtype === "string" &&
    Array.isArray(shape) &&
    shape.every(isSize) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isSize)
  );
}
