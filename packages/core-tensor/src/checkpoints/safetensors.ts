import { HidiffError } from "../errors.ts";

/** An array as a safetensors file stores it. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

export interface SafetensorsFile {
  readonly tensors: Map<string, StoredTensor>;
  /** Texts by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const bytesPerElement: Readonly<Record<string, number>> = { F32: 4, U8: 1 };

/**
 * Serializes arrays in the safetensors format: header length, JSON header, data, all little-endian.
 *
 * @throws HidiffError `safetensors.shape` if an array's length does not fit its shape
 */
export function encodeSafetensors(tensors: ReadonlyMap<string, StoredTensor>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const header: Record<string, HeaderEntry | Readonly<Record<string, string>>> = { __metadata__: metadata };
  let offset = 0;
  // Floats first, so that they stay aligned behind bytes of any number.
  const ordered = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  for (const [name, { shape, data }] of ordered) {
    if (sizeOf(shape) !== data.length) {
      throw new HidiffError("safetensors.shape", `${name} has ${data.length} elements, its shape [${shape}] needs ${sizeOf(shape)}.`);
    }
    const end = offset + data.byteLength;
    header[name] = { dtype: data instanceof Float32Array ? "F32" : "U8", shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  const unpadded = new TextEncoder().encode(text).length;
  const encoded = new TextEncoder().encode(text + " ".repeat((8 - (unpadded % 8)) % 8)); // aligns the data
  const file = new Uint8Array(8 + encoded.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(encoded.length), true);
  file.set(encoded, 8);
  let position = 8 + encoded.length;
  for (const [, { data }] of ordered) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file's bytes.
 *
 * @param name how errors call the file
 * @throws HidiffError `safetensors.format` for a truncated or foreign file, `safetensors.dtype` for other element types
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const fail = (what: string): never => {
    throw new HidiffError("safetensors.format", `${name}: ${what}. Expected a complete safetensors file; write or copy it again.`);
  };
  if (bytes.length < 8) fail(`only ${bytes.length} bytes long`);
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (headerLength > 100_000_000) fail("does not start with a safetensors header");
  const dataStart = 8 + headerLength;
  if (dataStart > bytes.length) fail(`truncated: the header alone needs ${dataStart} bytes, the file has ${bytes.length}`);
  const header = parseHeader(bytes.subarray(8, dataStart)) ?? fail("its header is not JSON");

  const { __metadata__: metadata = {}, ...entries } = header as Record<string, HeaderEntry> & { __metadata__?: Record<string, string> };
  const tensors = new Map<string, StoredTensor>();
  for (const [key, entry] of Object.entries(entries)) {
    if (!isEntry(entry)) fail(`the header's entry for ${key} is malformed`);
    const size = bytesPerElement[entry.dtype];
    if (size === undefined) {
      throw new HidiffError("safetensors.dtype", `${name}: ${key} has element type ${entry.dtype}; F32 and U8 are supported.`);
    }
    const [begin, end] = entry.data_offsets;
    const expected = size * sizeOf(entry.shape);
    if (end - begin !== expected) fail(`${key} has ${end - begin} bytes, its shape [${entry.shape}] needs ${expected}`);
    if (dataStart + end > bytes.length) fail(`truncated: ${key} ends at byte ${dataStart + end}, the file has ${bytes.length}`);
    const copy = new Uint8Array(end - begin); // not slice(), which shares memory if the bytes are a Buffer
    copy.set(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(key, { shape: entry.shape, data: entry.dtype === "F32" ? new Float32Array(copy.buffer) : copy });
  }
  return { tensors, metadata };
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

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
