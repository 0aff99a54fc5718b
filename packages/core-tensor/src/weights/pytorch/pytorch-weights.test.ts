import { describe, expect, it } from "vitest";
import { encodePyTorch, encodePyTorchZip, joinBytes, legacyStart, pickle, type PyTorchTensor, type PyTorchValue } from "../../../../../test/pytorch-files.ts";
import { decodeWeights } from "../decode-weights.ts";

const formats = ["zip", "legacy"] as const;

const checkpoint = new Map<string | number, PyTorchValue>([
  ["model", new Map([["weight", { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }], ["bias", { shape: [2], data: [0.5, -1], dtype: "F16" }]])],
  ["states", [new Map([["step", { shape: [], data: [7], dtype: "I64" }]]), "text"]],
  [3, { shape: [0, 2], data: [], dtype: "BOOL" }],
  ["epoch", 5],
]);

/** A tensor of any description over the storage 0. */
interface Description {
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly type?: string;
  /** How many elements the pickle says that the storage has. */
  readonly length: number;
  /** Behind the location. */
  readonly view?: readonly Uint8Array[];
  /** For a tensor whose storage has no type. */
  readonly dtype?: string;
}

function storage({ type = "Float", length, view = [] }: Pick<Description, "type" | "length" | "view">): Uint8Array[] {
  const id = [pickle.text("storage"), pickle.global("torch", `${type}Storage`), pickle.text("0"), pickle.text("cpu"), pickle.integer(length)];
  return [pickle.mark, ...id, ...view, pickle.tuple, pickle.persistentId];
}

function tensor(description: Description): Uint8Array[] {
  const { offset = 0, shape, strides, dtype } = description;
  const last = dtype === undefined ? [] : [pickle.global("torch", dtype)];
  return [
    pickle.global("torch._utils", `_rebuild_tensor_v${dtype === undefined ? 2 : 3}`), pickle.mark, ...storage(description), pickle.integer(offset),
    ...pickle.integers(shape), ...pickle.integers(strides), pickle.false, pickle.none, ...last, pickle.tuple, pickle.reduce,
  ];
}

/** A zip file of one tensor, or of any other object. */
function zipOf(object: readonly Uint8Array[], data: Uint8Array, others: Readonly<Record<string, Uint8Array>> = {}): Uint8Array {
  return encodePyTorchZip(new Map([["x/data.pkl", pickle.of(...object)], ["x/data/0", data], ...Object.entries(others)]));
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const sixFloats = floats(0, 1, 2, 3, 4, 5);

describe("decodeWeights of PyTorch's files", () => {
  it.each(formats)("names arrays by the path of keys: %s", async (format) => {
    const weights = await decodeWeights(encodePyTorch(checkpoint, { format }), "x.pt");
    expect(weights).toMatchObject({ format: "pytorch", name: "x.pt", metadata: {} });
    expect([...weights.entries]).toEqual([
      ["model.weight", { shape: [2, 3], dtype: "F32" }],
      ["model.bias", { shape: [2], dtype: "F16" }],
      ["states.0.step", { shape: [], dtype: "I64" }],
      ["3", { shape: [0, 2], dtype: "BOOL" }],
    ]);
    expect(await weights.read("model.weight")).toEqual({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(await weights.read("model.bias")).toEqual({ shape: [2], data: Float32Array.of(0.5, -1) });
    expect(await weights.read("states.0.step")).toEqual({ shape: [], data: Float32Array.of(7) });
    expect((await weights.read("3")).data).toHaveLength(0);
    await weights.close();
  });

  it("reads checkpoints of many arrays, whose pickle is long", async () => {
    const many = Array.from({ length: 2000 }, (_, i): PyTorchTensor => ({ shape: [1], data: [i] }));
    for (const format of formats) {
      const weights = await decodeWeights(encodePyTorch(many, { format }), "x.pt");
      expect(weights.entries.size).toBe(2000);
      for (const i of [0, 1000, 1999]) expect((await weights.read(String(i))).data[0]).toBe(i);
    }
  });

  it("tells what it has not, and what is similar", async () => {
    const weights = await decodeWeights(encodePyTorch(checkpoint, { format: "zip" }), "x.pt");
    await expect(weights.read("model.wieght")).rejects.toMatchObject({ code: "weights.name", message: 'x.pt has no array "model.wieght", but 4 others. Did you mean "model.weight"?' });
    for (const name of ["epoch", "__proto__", "constructor", ""]) await expect(weights.read(name)).rejects.toMatchObject({ code: "weights.name" });
  });

  it.each([
    ["I64", 2 ** 24, 2 ** 24 + 1],
    ["I64", -(2 ** 24), -(2 ** 40)],
    ["I32", -(2 ** 24), -(2 ** 24) - 1],
  ] as const)("integers of %s are read up to ±2²⁴", async (dtype, fits, exceeds) => {
    const value = (number: number): PyTorchTensor => ({ shape: [1], data: [number], dtype });
    const weights = await decodeWeights(encodePyTorch([value(fits), value(exceeds)], { format: "zip" }), "x.pt");
    expect((await weights.read("0")).data[0]).toBe(fits);
    await expect(weights.read("1")).rejects.toMatchObject({ code: "weights.dtype", message: expect.stringContaining(`x.pt (1): it holds the integer ${exceeds}`) });
  });

  it.each([
    ["transposed", { shape: [3, 2], strides: [1, 3] }, [0, 3, 1, 4, 2, 5]],
    ["a part", { shape: [2], strides: [3], offset: 2 }, [2, 5]],
    ["repeated", { shape: [2, 3], strides: [0, 2] }, [0, 2, 4, 0, 2, 4]],
    ["overlapping windows", { shape: [4, 3], strides: [1, 1] }, [0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5]],
    ["of one element, with any stride", { shape: [1, 1], strides: [1000, 0], offset: 5 }, [5]],
    ["empty, out of the storage", { shape: [3, 0], strides: [9, 9], offset: 100 }, []],
  ])("reads a view that is %s", async (_, view, expected) => {
    const weights = await decodeWeights(zipOf(tensor({ ...view, length: 6 }), sixFloats), "x.pt");
    expect(await weights.read("")).toEqual({ shape: view.shape, data: Float32Array.from(expected) });
  });

  it("reads big-endian files", async () => {
    const swapped = (bytes: Uint8Array, size: number): Uint8Array => bytes.map((_, i) => bytes[i - (i % size) + size - 1 - (i % size)]!);
    const order = { "x/byteorder": new TextEncoder().encode("big") };
    const single = await decodeWeights(zipOf(tensor({ shape: [2, 3], strides: [3, 1], length: 6 }), swapped(sixFloats, 4), order), "x.pt");
    expect((await single.read("")).data).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
    const doubles = swapped(new Uint8Array(Float64Array.of(0.5, -3, 7).buffer), 8);
    const double = await decodeWeights(zipOf(tensor({ shape: [2], strides: [2], length: 3, type: "Double" }), doubles, order), "x.pt");
    expect((await double.read("")).data).toEqual(Float32Array.of(0.5, 7));
  });

  it("reads typed tensors over untyped storages, and rounds F64", async () => {
    const doubles = new Uint8Array(Float64Array.of(0.1, 1 / 3, 1e300).buffer);
    const weights = await decodeWeights(zipOf(tensor({ shape: [2], strides: [1], offset: 1, length: 24, type: "Untyped", dtype: "float64" }), doubles), "x.pt");
    expect([...weights.entries.values()]).toEqual([{ shape: [2], dtype: "F64" }]);
    expect((await weights.read("")).data).toEqual(Float32Array.of(Math.fround(1 / 3), Infinity));
  });

  it("reads the views of storages that old files have", async () => {
    const view = [pickle.mark, pickle.text("7"), pickle.integer(2), pickle.integer(3), pickle.tuple];
    const file = (shape: number): Uint8Array =>
      joinBytes(
        legacyStart, pickle.of(...tensor({ shape: [shape], strides: [1], length: 6, view })), pickle.of(pickle.emptyList, pickle.mark, pickle.text("0"), pickle.appends),
        Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0), sixFloats,
      );
    expect((await (await decodeWeights(file(3), "x.pt")).read("")).data).toEqual(Float32Array.of(2, 3, 4));
    await expect(decodeWeights(file(4), "x.pt")).rejects.toMatchObject({ code: "pytorch.format", message: expect.stringContaining("does not fit its storage of 3 elements") });
  });

  it.each([
    ["beyond the storage", { shape: [7], strides: [1], length: 6 }, "does not fit its storage of 6 elements"],
    ["beyond it by the offset", { shape: [6], strides: [1], offset: 1, length: 6 }, "does not fit"],
    ["beyond it by strides", { shape: [2, 2], strides: [5, 1], length: 6 }, "does not fit"],
    ["beyond it by overflow", { shape: [2 ** 52, 2 ** 52], strides: [2 ** 52, 2 ** 52], length: 6 }, "does not fit"],
    ["of quadrillions of elements", { shape: [2 ** 50], strides: [0], length: 6 }, "more elements than the file has bytes"],
    ["of quadrillions of elements in two axes", { shape: [2 ** 50, 2 ** 50, 2], strides: [0, 0, 1], length: 6 }, "more elements than the file has bytes"],
    ["of a negative size", { shape: [-1], strides: [1], length: 6 }, "0 or more"],
    ["of a negative stride", { shape: [2], strides: [-1], offset: 3, length: 6 }, "0 or more"],
    ["at a negative offset", { shape: [2], strides: [1], offset: -1, length: 6 }, "0 or more"],
    ["without a stride", { shape: [2, 3], strides: [1], length: 6 }, "2 axes and 1 strides"],
    ["of 65 axes", { shape: new Array<number>(65).fill(1), strides: new Array<number>(65).fill(1), length: 6 }, "over 64 axes"],
    ["of a storage that claims more than the file has", { shape: [7], strides: [1], length: 7 }, "storage 0 has 24 bytes, its 7 elements of F32 need 28"],
    ["of a storage of a quadrillion elements", { shape: [1], strides: [1], length: 2 ** 50 }, "storage 0 has 24 bytes"],
    ["of a storage beyond all numbers", { shape: [1], strides: [1], length: 2 ** 53 - 1 }, "a storage has"],
    ["of elements that are a storage's type", { shape: [1], strides: [1], length: 24, type: "Untyped", dtype: "device" }, "elements of type torch.device"],
  ])("refuses a tensor %s", async (_, description, message) => {
    await expect(decodeWeights(zipOf(tensor(description), sixFloats), "x.pt")).rejects.toMatchObject({
      code: "pytorch.format",
      message: expect.stringMatching(new RegExp(`^x\\.pt: .*${message.replaceAll(/[[\].]/g, "\\$&")}`)),
    });
  });

  it("refuses one storage of two descriptions, and one that is missing", async () => {
    const two = [pickle.mark, ...tensor({ shape: [6], strides: [1], length: 6 }), ...tensor({ shape: [6], strides: [1], length: 6, type: "Int" }), pickle.tuple];
    await expect(decodeWeights(zipOf(two, sixFloats), "x.pt")).rejects.toThrow("storage 0 is described in two ways");
    const missing = encodePyTorchZip(new Map([["x/data.pkl", pickle.of(...tensor({ shape: [6], strides: [1], length: 6 }))]]));
    await expect(decodeWeights(missing, "x.pt")).rejects.toThrow('no file "data/0"');
  });

  it("refuses what refers to itself, is nested too deep, or lists the same too often", async () => {
    const list = (text: string): Promise<unknown> => decodeWeights(zipOf([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], sixFloats), "x.pt");
    await expect(list("]q\x00h\x00a")).rejects.toMatchObject({ code: "pytorch.format", message: expect.stringContaining("nested deeper than 100") });
    await expect(list(`${"(".repeat(5000)}${"t".repeat(5000)}`)).rejects.toThrow("nested deeper than 100");
    // 60 lists, each with the one before twice: 2⁶⁰ values.
    const doubled = Array.from({ length: 60 }, (_, i) => `h${String.fromCharCode(i)}h${String.fromCharCode(i)}\x86q${String.fromCharCode(i + 1)}`).join("");
    await expect(list(`]q\x00${doubled}`)).rejects.toThrow("so often that they cannot be listed");
    // A long key, remembered once, used at every depth.
    const long = `X\x90\x01\x00\x00${"k".repeat(400)}q\x00`;
    await expect(list(`${long}0}h\x00}h\x00}h\x00]sss`)).resolves.toMatchObject({ entries: new Map() });
    const array = joinBytes(...tensor({ shape: [6], strides: [1], length: 6 }));
    const nested = [Uint8Array.from(`${long}0}h\x00}h\x00}h\x00`, (letter) => letter.charCodeAt(0)), array, Uint8Array.from("sss", (letter) => letter.charCodeAt(0))];
    await expect(decodeWeights(zipOf(nested, sixFloats), "x.pt")).rejects.toThrow("more than 1000 letters");
    // One tensor, remembered once and listed with two bytes each time.
    const repeated = [Uint8Array.of(0x28), array, Uint8Array.from(`q\x05${"h\x05".repeat(20_000)}l`, (letter) => letter.charCodeAt(0))];
    await expect(decodeWeights(zipOf(repeated, sixFloats), "x.pt")).rejects.toThrow("so often that they cannot be listed");
  });

  it("refuses two arrays of one name", async () => {
    const one: PyTorchTensor = { shape: [1], data: [1] };
    const file = encodePyTorch(new Map<string, PyTorchValue>([["a.b", one], ["a", new Map([["b", one]])]]), { format: "zip" });
    await expect(decodeWeights(file, "x.pt")).rejects.toThrow("two arrays have the name a.b");
  });

  it.each([
    ["another version", joinBytes(legacyStart.subarray(0, 15), pickle.of(pickle.integer(1002))), "version of its format is 1002"],
    ["another pickle", pickle.of(pickle.integer(3)), "not of torch.save"],
    ["no list of storages", joinBytes(legacyStart, pickle.of(pickle.none), pickle.of(pickle.none)), "no list of storages"],
    ["an unknown storage", joinBytes(legacyStart, pickle.of(pickle.none), pickle.of(pickle.emptyList, pickle.mark, pickle.text("5"), pickle.appends)), "a storage that no tensor has"],
    ["no storage", joinBytes(legacyStart, pickle.of(...tensor({ shape: [6], strides: [1], length: 6 })), pickle.of(pickle.emptyList)), "storage 0 is missing"],
  ])("refuses a legacy file with %s", async (_, bytes, message) => {
    await expect(decodeWeights(bytes, "x.pt")).rejects.toMatchObject({ code: "pytorch.format", message: expect.stringContaining(message) });
  });

  it.each(formats)("refuses a file that is cut off anywhere: %s", async (format) => {
    const bytes = encodePyTorch(checkpoint, { format });
    for (let length = 0; length < bytes.length; length++) {
      await expect(decodeWeights(bytes.subarray(0, length), "cut.pt"), `${length} bytes`).rejects.toMatchObject({
        code: expect.stringMatching(/^(weights|pytorch)\.format$/),
        message: expect.stringContaining("cut.pt"),
      });
    }
  });
});
