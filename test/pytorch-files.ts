import { spawnSync } from "node:child_process";
import { crc32 } from "../packages/core-tensor/src/arrays/zip-entries.ts";

/** A tensor to be written, its last axis running fastest. */
export interface PyTorchTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  /** Default: that of the file. */
  readonly dtype?: PyTorchType;
}

export type PyTorchType = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** What can be written: maps become ordered dictionaries, integers `int` and other numbers `float`. */
export type PyTorchValue = null | boolean | number | string | readonly PyTorchValue[] | ReadonlyMap<string | number, PyTorchValue> | PyTorchTensor;

export interface PyTorchFormat {
  /** Since PyTorch 1.6 a zip archive; legacy before. */
  readonly format: "zip" | "legacy";
  /** The element type of tensors that have none. Default F32. */
  readonly dtype?: PyTorchType;
}

const storageTypes: Readonly<Record<PyTorchType, string>> = {
  F64: "Double",
  F32: "Float",
  F16: "Half",
  BF16: "BFloat16",
  I64: "Long",
  I32: "Int",
  I16: "Short",
  I8: "Char",
  U8: "Byte",
  BOOL: "Bool",
};

/** The bytes of a file as `torch.save` writes it, readable by `torch.load`. */
export function encodePyTorch(value: PyTorchValue, { format, dtype = "F32" }: PyTorchFormat): Uint8Array {
  const storages: { readonly length: number; readonly bytes: Uint8Array }[] = [];
  const write = (item: PyTorchValue): Uint8Array[] => {
    if (item === null) return [pickle.none];
    if (typeof item === "boolean") return [item ? pickle.true : pickle.false];
    if (typeof item === "number") return [Number.isInteger(item) ? pickle.integer(item) : pickle.float(item)];
    if (typeof item === "string") return [pickle.text(item)];
    if (item instanceof Map) {
      const items = [...item].flatMap(([key, entry]) => [...write(key), ...write(entry)]);
      return [pickle.emptyOrderedDictionary, pickle.mark, ...items, pickle.setItems];
    }
    if (Array.isArray(item)) return [pickle.emptyList, pickle.mark, ...item.flatMap(write), pickle.appends];
    const { shape, data, dtype: type = dtype } = item as PyTorchTensor;
    storages.push({ length: data.length, bytes: encodeElements(data, type) });
    const storage = [
      pickle.mark, pickle.text("storage"), pickle.global("torch", `${storageTypes[type]}Storage`), pickle.text(String(storages.length - 1)),
      pickle.text("cpu"), pickle.integer(data.length), ...(format === "legacy" ? [pickle.none] : []), pickle.tuple, pickle.persistentId,
    ];
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));
    return [
      pickle.global("torch._utils", "_rebuild_tensor_v2"), pickle.mark, ...storage, pickle.integer(0), ...pickle.integers(shape),
      ...pickle.integers(strides), pickle.false, pickle.emptyOrderedDictionary, pickle.tuple, pickle.reduce,
    ];
  };
  const object = pickle.of(...write(value));
  if (format === "zip") {
    const files = storages.map(({ bytes }, key): [string, Uint8Array] => [`archive/data/${key}`, bytes]);
    return encodePyTorchZip(new Map([["archive/data.pkl", object], ["archive/byteorder", utf8("little")], ...files, ["archive/version", utf8("3\n")]]));
  }
  const keys = [pickle.emptyList, pickle.mark, ...storages.map((_, key) => pickle.text(String(key))), pickle.appends];
  return joinBytes(legacyStart, object, pickle.of(...keys), ...storages.flatMap(({ length, bytes }) => [littleEndian(length, 8), bytes]));
}

type Opcode =
  "none" | "true" | "false" | "mark" | "tuple" | "emptyList" | "appends" | "emptyDictionary" | "setItems" | "persistentId" | "reduce" | "emptyOrderedDictionary";

interface PickleParts extends Readonly<Record<Opcode, Uint8Array>> {
  global(module: string, name: string): Uint8Array;
  text(text: string): Uint8Array;
  /** Of up to 53 bits. */
  integer(value: number): Uint8Array;
  /** A tuple. */
  integers(values: readonly number[]): Uint8Array[];
  float(value: number): Uint8Array;
  /** A whole pickle. */
  of(...parts: readonly Uint8Array[]): Uint8Array;
}

/** Parts of a pickle of protocol 2, for files that are not as `torch.save` writes them. */
export const pickle: PickleParts = {
  none: Uint8Array.of(0x4e),
  true: Uint8Array.of(0x88),
  false: Uint8Array.of(0x89),
  mark: Uint8Array.of(0x28),
  tuple: Uint8Array.of(0x74),
  emptyList: Uint8Array.of(0x5d),
  appends: Uint8Array.of(0x65),
  emptyDictionary: Uint8Array.of(0x7d),
  setItems: Uint8Array.of(0x75),
  persistentId: Uint8Array.of(0x51),
  reduce: Uint8Array.of(0x52),
  emptyOrderedDictionary: utf8("ccollections\nOrderedDict\n)R"),
  global: (module, name) => utf8(`c${module}\n${name}\n`),
  text: (text) => joinBytes(Uint8Array.of(0x58), littleEndian(utf8(text).length, 4), utf8(text)),
  integer: (value) =>
    value === (value | 0) ? joinBytes(Uint8Array.of(0x4a), littleEndian(value, 4)) : joinBytes(Uint8Array.of(0x8a, 8), littleEndian(value, 8)),
  integers: (values) => [Uint8Array.of(0x28), ...values.map((value) => pickle.integer(value)), Uint8Array.of(0x74)],
  float: (value) => {
    const bytes = new Uint8Array(9);
    bytes[0] = 0x47;
    new DataView(bytes.buffer).setFloat64(1, value, false);
    return bytes;
  },
  of: (...parts) => joinBytes(Uint8Array.of(0x80, 2), ...parts, Uint8Array.of(0x2e)),
};

/** What a legacy file begins with: the pickles of its magic number, of its version and of the writer's system. */
export const legacyStart: Uint8Array = joinBytes(
  pickle.of(Uint8Array.of(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)),
  pickle.of(pickle.integer(1001)),
  pickle.of(pickle.emptyDictionary, pickle.mark, pickle.text("little_endian"), pickle.true, pickle.setItems),
);

/**
 * A zip archive as PyTorch writes it: stored files whose bytes begin at multiples of 64, and zip64's end record.
 */
export function encodePyTorchZip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let position = 0;
  for (const [path, bytes] of files) {
    const name = utf8(path);
    const padding = (64 - ((position + 30 + name.length + 4) % 64)) % 64;
    const fields = [littleEndian(0x0800, 2), littleEndian(0, 6), littleEndian(crc32(bytes), 4), littleEndian(bytes.length, 4), littleEndian(bytes.length, 4)];
    const local = joinBytes(
      utf8("PK\x03\x04"), littleEndian(0, 2), ...fields, littleEndian(name.length, 2), littleEndian(4 + padding, 2),
      name, utf8("FB"), littleEndian(padding, 2), new Uint8Array(padding),
    );
    directory.push(utf8("PK\x01\x02"), littleEndian(0, 4), ...fields, littleEndian(name.length, 2), new Uint8Array(12), littleEndian(position, 4), name);
    parts.push(local, bytes);
    position += local.length + bytes.length;
  }
  const entries = joinBytes(...directory);
  const count = files.size;
  const end64 = [utf8("PK\x06\x06"), littleEndian(44, 8), littleEndian(0, 12), littleEndian(count, 8), littleEndian(count, 8), littleEndian(entries.length, 8), littleEndian(position, 8)];
  const locator = [utf8("PK\x06\x07"), littleEndian(0, 4), littleEndian(position + entries.length, 8), littleEndian(1, 4)];
  const end = [utf8("PK\x05\x06"), littleEndian(0, 4), littleEndian(count, 2), littleEndian(count, 2), littleEndian(entries.length, 4), littleEndian(position, 4), littleEndian(0, 2)];
  return joinBytes(...parts, entries, ...end64, ...locator, ...end);
}

let found: { readonly command: string | undefined } | undefined;

/** The Python that has PyTorch (`HIDIFF_PYTHON`, else `python3`), or undefined: tests that need it are then skipped. */
export function withPyTorch(): string | undefined {
  const command = process.env["HIDIFF_PYTHON"] ?? "python3";
  found ??= { command: spawnSync(command, ["-c", "import torch"]).status === 0 ? command : undefined };
  return found.command;
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

function encodeElements(data: ArrayLike<number>, dtype: PyTorchType): Uint8Array {
  switch (dtype) {
    case "F64":
      return bytesOf(Float64Array.from(data));
    case "F32":
      return bytesOf(Float32Array.from(data));
    case "F16":
      return bytesOf(Uint16Array.from(data, halfBits));
    case "BF16":
      return bytesOf(Uint16Array.from(bytesOfFloats(data), (bits) => (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16)); // to nearest, ties to even
    case "I64":
      return bytesOf(BigInt64Array.from(Array.from(data), BigInt));
    case "I32":
      return bytesOf(Int32Array.from(data));
    case "I16":
      return bytesOf(Int16Array.from(data));
    case "I8":
      return bytesOf(Int8Array.from(data));
    case "U8":
    case "BOOL":
      return Uint8Array.from(data);
  }
}

function bytesOf({ buffer }: { readonly buffer: ArrayBuffer }): Uint8Array {
  return new Uint8Array(buffer);
}

function bytesOfFloats(data: ArrayLike<number>): Uint32Array {
  return new Uint32Array(Float32Array.from(data).buffer);
}

/** Half precision, to nearest, ties to even. */
function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const units = magnitude / 2 ** (exponent - 10);
  const floor = Math.floor(units);
  const rounded = units - floor > 0.5 || (units - floor === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // A carry out of the fraction goes on into the exponent, as it should.
  return sign | (((exponent + 14) << 10) + rounded);
}

function littleEndian(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(8, size));
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes.subarray(0, size);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
