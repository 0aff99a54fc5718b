import { describe, expect, it } from "vitest";
import { encodePyTorch, encodePyTorchZip, pickle, type PyTorchValue } from "../../../../test/pytorch-files.ts";
import { encodeNpz } from "../arrays/npz.ts";
import { encodeSafetensors } from "../checkpoints/safetensors.ts";
import { isHidiffError } from "../errors.ts";
import { Generator } from "../random.ts";
import { decodeWeights } from "./decode-weights.ts";

const arrays = new Map<string, PyTorchValue>([
  ["weight", { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }],
  ["half", { shape: [4], data: [1, 2, 3, 4], dtype: "F16" }],
  ["steps", { shape: [], data: [3], dtype: "I64" }],
]);
const nested = new Map<string, PyTorchValue>([["model", arrays], ["list", [new Map([["a", arrays]]), 1.5, "x", null, true]]]);
const host = new Map([["weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }], ["scale", { shape: [40], data: new Float32Array(40) }]]);
const files: Readonly<Record<string, Uint8Array>> = {
  zip: encodePyTorch(nested, { format: "zip" }),
  legacy: encodePyTorch(nested, { format: "legacy" }),
  safetensors: encodeSafetensors(host, { a: "b" }),
  npz: encodeNpz(host),
};

/** Reads everything; whatever goes wrong must be an error of ours. */
async function readAll(bytes: Uint8Array): Promise<"read" | "refused"> {
  try {
    const weights = await decodeWeights(bytes, "x");
    let result: "read" | "refused" = "read";
    for (const name of weights.entries.keys()) {
      const { shape, data } = await weights.read(name).catch((error: unknown) => {
        if (!isHidiffError(error)) throw error;
        result = "refused";
        return { shape: [0], data: new Float32Array(0) };
      });
      expect(data).toHaveLength(shape.reduce((product, length) => product * length, 1));
      expect(data.length).toBeLessThanOrEqual(Math.max(bytes.length, 1) * 8);
    }
    return result;
  } catch (error) {
    if (!isHidiffError(error)) throw error;
    return "refused";
  }
}

/** Pieces of a few bytes changed, removed, doubled or put elsewhere. */
function damage(bytes: Uint8Array, generator: Generator, most: number = 4): Uint8Array {
  let result = bytes;
  const count = 1 + generator.integer(most);
  for (let i = 0; i < count; i++) {
    const at = generator.integer(result.length);
    const length = 1 + generator.integer(8);
    const kind = generator.integer(5);
    const piece = result.slice(at, at + length);
    if (kind === 0) result = splice(result, at, length, new Uint8Array(0));
    else if (kind === 1) result = splice(result, at, 0, piece);
    else if (kind === 2) result = splice(result, at, 1, Uint8Array.of(generator.integer(256)));
    else if (kind === 3) result = splice(result, at, piece.length, new Uint8Array(piece.length).fill(generator.integer(2) * 255));
    else result = splice(result, generator.integer(result.length), 0, piece);
  }
  return result;
}

function splice(bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, at), ...inserted, ...bytes.subarray(at + removed)]);
}

describe("damaged files are read or refused, never more", () => {
  it.each(Object.keys(files))("%s", async (kind) => {
    const generator = new Generator(`damage ${kind}`);
    expect(await readAll(files[kind]!)).toBe("read");
    let refused = 0;
    for (let i = 0; i < 1000; i++) if ((await readAll(damage(files[kind]!, generator))) === "refused") refused++;
    expect(refused).toBeGreaterThan(300);
  });

  it("zip with a damaged pickle", async () => {
    const generator = new Generator("damaged pickle");
    // The pickle as it is in the archive, whose checksum is not verified; here every file around it is whole.
    const storages = [24, 8, 8].map((length, key): [string, Uint8Array] => [`x/data/${key}`, new Uint8Array(length)]);
    const value = extractPickle(encodePyTorch(nested, { format: "zip" }));
    let read = 0;
    for (let i = 0; i < 2000; i++) {
      const file = encodePyTorchZip(new Map([["x/data.pkl", damage(value, generator, 1)], ...storages, ...storages.map(([, bytes], key): [string, Uint8Array] => [`x/data/${key + 3}`, bytes])]));
      if ((await readAll(file)) === "read") read++;
    }
    // Some damages are to names, and harmless.
    expect(read).toBeGreaterThan(20);
    expect(read).toBeLessThan(1900);
  });

  it("zip with a pickle of opcodes at random", async () => {
    const generator = new Generator("opcodes");
    const parts = [
      pickle.none, pickle.mark, pickle.tuple, pickle.emptyList, pickle.appends, pickle.emptyDictionary, pickle.setItems, pickle.persistentId, pickle.reduce,
      pickle.emptyOrderedDictionary, pickle.global("torch", "FloatStorage"), pickle.text("storage"), pickle.text("0"), pickle.integer(6), pickle.integer(0),
      pickle.global("torch._utils", "_rebuild_tensor_v2"), pickle.global("torch", "Size"), pickle.integer(-1), pickle.float(0.5), ...pickle.integers([2]),
      ...["0", "1", "2", "a", "s", "b", "\x85", "\x86", "\x87", "q\x00", "q\x01", "h\x00", "h\x01", "\x81", "\x92", "o", "\x94", "\x8f", "\x90", "\x91"].map((text) =>
        Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
      ),
    ];
    const outcomes = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      const chosen = Array.from({ length: 1 + generator.integer(20) }, () => parts[generator.integer(parts.length)]!);
      outcomes.add(await readAll(encodePyTorchZip(new Map([["data.pkl", pickle.of(pickle.none, pickle.none, ...chosen)], ["data/0", new Uint8Array(24)]]))));
    }
    expect([...outcomes].sort()).toEqual(["read", "refused"]);
  });
});

/** The first file of an archive of {@link encodePyTorchZip}. */
function extractPickle(archive: Uint8Array): Uint8Array {
  const view = new DataView(archive.buffer);
  const begin = 30 + view.getUint16(26, true) + view.getUint16(28, true);
  return archive.slice(begin, begin + view.getUint32(18, true));
}
