import { HidiffError } from "../../errors.ts";
import { type Calls, inert, PickleGlobal, type PickleValue } from "./pickle-values.ts";
import { rebuildParameter, rebuildTensor, rebuildTyped } from "./rebuild-tensor.ts";

const storageTypes: Readonly<Record<string, string>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
  ComplexFloatStorage: "C64",
  ComplexDoubleStorage: "C128",
};

const elementTypes: Readonly<Record<string, string>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
  complex64: "C64",
  complex128: "C128",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
  float8_e8m0fnu: "F8_E8M0",
};

const numpyCore = ["multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer"];
const paths = ["Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"];
const builtins = ["set", "frozenset", "list", "tuple", "bytes", "bytearray", "str", "bool", "int", "float", "complex", "slice", "range"];

/** By module, objects that checkpoints keep beside their arrays. Making one from data does nothing else. */
const inertNames: Readonly<Record<string, readonly string[]>> = {
  argparse: ["Namespace"],
  types: ["SimpleNamespace"],
  pathlib: paths,
  "pathlib._local": paths,
  builtins,
  __builtin__: [...builtins, "long", "unicode"],
  _codecs: ["encode"],
  numpy: ["dtype", "ndarray"],
  "numpy.core": numpyCore,
  "numpy._core": numpyCore,
  "numpy.dtypes": ["Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float16", "Float32", "Float64"].map(
    (type) => `${type}DType`,
  ),
  torch: ["device", "strided", "contiguous_format", "channels_last", "Tensor", "nn.Parameter", "nn.parameter.Parameter"],
};

const dictionaryNames = ["collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict", "__builtin__.dict"];

const allowed: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    ...Object.entries(inertNames).flatMap(([module, names]) => names.map((name) => new PickleGlobal(`${module}.${name}`, () => inert))),
    ...dictionaryNames.map((name) => new PickleGlobal(name, makeDictionary)),
    ...Object.entries(storageTypes).flatMap(([type, dtype]) =>
      ["torch", "torch.cuda"].map((module) => new PickleGlobal(`${module}.${type}`, () => inert, dtype)),
    ),
    // Untyped storages count bytes.
    ...["torch", "torch.storage"].map((module) => new PickleGlobal(`${module}.UntypedStorage`, () => inert, "U8")),
    ...Object.entries(elementTypes).map(([type, dtype]) => new PickleGlobal(`torch.${type}`, () => inert, dtype)),
    new PickleGlobal("torch.Size", ([sizes], { fail }) => sizes ?? fail("torch.Size has no argument")),
    ...["", "_v2", "_v3"].map((version) => new PickleGlobal(`torch._utils._rebuild_tensor${version}`, rebuildTensor)),
    ...["", "_with_state"].map((variant) => new PickleGlobal(`torch._utils._rebuild_parameter${variant}`, rebuildParameter)),
    new PickleGlobal("torch._tensor._rebuild_from_type_v2", rebuildTyped),
  ].map((named) => [named.name, named]),
);

/**
 * The class or function of Python of a name.
 *
 * @param file how errors call the file
 * @throws HidiffError `pytorch.unsafe` unless it is one of those that only hold data, `pytorch.format` for a kind of tensor that is not read
 */
export function pytorchGlobal(name: string, file: string): PickleGlobal {
  const found = allowed.get(name);
  if (found !== undefined) return found;
  if (name.startsWith("torch._utils._rebuild_")) {
    throw new HidiffError("pytorch.format", `${file} has a tensor of a kind that is not read, such as quantized or sparse ones: it asks for ${name.slice(0, 200)}. Save dense tensors only.`);
  }
  throw new HidiffError(
    "pytorch.unsafe",
    `${file} asks for Python's ${JSON.stringify(name.slice(0, 200))}, which is not among the names that stand for plain data. ` +
      `Nothing of the file was executed. If you trust it, load it in Python and save only its arrays: torch.save(model.state_dict(), "weights.pt").`,
  );
}

/** A dictionary, in Python 2 from a list of its items. A default dictionary's first argument makes missing values. */
function makeDictionary(args: readonly PickleValue[], machine: Calls): PickleValue {
  const dictionary = machine.dictionary();
  const items = args.slice(0, 2).find(Array.isArray) as PickleValue[] | undefined;
  machine.charge(2 * (items?.length ?? 0));
  for (const item of items ?? []) {
    if (!Array.isArray(item) || item.length !== 2) return machine.fail("a dictionary's item is no pair");
    dictionary.set(item[0]!, item[1]!);
  }
  return dictionary;
}
