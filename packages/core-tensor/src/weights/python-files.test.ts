import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePyTorch, type PyTorchTensor, type PyTorchValue, withPyTorch } from "../../../../test/pytorch-files.ts";
import { openWeights } from "./open-weights.ts";

const python = withPyTorch();

/** Writes the files, and beside each `FILE.json` what it holds: by name the shape and the bits of the 32-bit floats. */
const writer = `
import collections, json, os, argparse, pathlib, sys
import numpy, torch
os.chdir(sys.argv[1])
torch.manual_seed(3)

def expect(file, arrays):
    listed = {name: [list(a.shape), torch.as_tensor(a).detach().to(torch.float32).contiguous().numpy().tobytes().hex()] for name, a in arrays.items()}
    json.dump(listed, open(file + ".json", "w"))

def both(name, value, arrays):
    torch.save(value, name + ".pt")
    torch.save(value, name + ".legacy.pt", _use_new_zipfile_serialization=False)
    expect(name + ".pt", arrays)
    expect(name + ".legacy.pt", arrays)

types = {"f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64, "f32": torch.float32}
floats = {n: torch.cat([torch.randn(200) * 100, torch.tensor([0.0, -0.0, float("inf"), float("-inf"), 1e-7, 6e-5, 65504, 1 / 3])]).to(t) for n, t in types.items()}
floats["f16 all"] = torch.from_numpy(numpy.arange(65536, dtype=numpy.uint16)[~numpy.isnan(numpy.arange(65536, dtype=numpy.uint16).view(numpy.float16))].view(numpy.float16))
both("floats", floats, floats)
integers = {str(t)[6:]: torch.tensor([0, 1, 5, 127], dtype=t) for t in [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]}
integers["negative"] = torch.tensor([[-2**24, 2**24, -1]])
integers["bool"] = torch.tensor([True, False, True])
integers["scalar"] = torch.tensor(-7)
both("integers", integers, integers)
unsigned = {str(t)[6:]: torch.tensor([1, 200], dtype=t) for t in [torch.uint16, torch.uint32, torch.uint64]}
torch.save(unsigned, "unsigned.pt")
expect("unsigned.pt", unsigned)
base = torch.randn(4, 5, 6)
views = {"base": base, "transposed": base.permute(2, 0, 1), "slice": base[1:3, ::2, 3:], "row": base[2], "last": base[3, 4, 5], "expanded": torch.randn(3, 1).expand(3, 4),
    "none": base[:, 2:2], "half": base.half().transpose(0, 2), "double": base.double()[:, 1], "flags": (base > 0).permute(1, 2, 0), "lasting": base[:, :, :1].contiguous(memory_format=torch.contiguous_format)}
both("views", views, views)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last), torch.nn.BatchNorm2d(4))
both("state", net.state_dict(), net.state_dict())
parallel = torch.nn.DataParallel(net).state_dict()
both("parallel", parallel, parallel)
assert all(n.startswith("module.") for n in parallel)
optimizer = torch.optim.Adam(net.parameters())
net(torch.randn(2, 3, 5, 5)).sum().backward()
optimizer.step()
tagged = torch.nn.Parameter(torch.ones(2))
tagged.no_decay = True
checkpoint = {"epoch": 3, "loss": 0.5, "best": numpy.float64(0.25), "path": pathlib.Path("a"), "args": argparse.Namespace(lr=1e-3, dims={1, 2}), "when": None, "complex": 1j,
    "big": 2**70, "flags": [True, False], "history": numpy.arange(5), "counter": collections.Counter([1, 1]), "model": {"state_dict": net.state_dict()}, "optimizer": optimizer.state_dict(),
    "device": torch.device("cpu"), "dtype": torch.float16, "size": torch.Size([1, 2]), "list": [torch.zeros(2), (torch.ones(1), "text")], "parameter": torch.nn.Parameter(base[1]), "tagged": tagged,
    "__proto__": {"polluted": torch.ones(1)}, "defaults": collections.defaultdict(list, a=torch.ones(3)), "ärger": torch.ones(1)}
arrays = {"model.state_dict." + n: a for n, a in net.state_dict().items()}
for i, state in optimizer.state_dict()["state"].items():
    arrays.update({f"optimizer.state.{i}.{n}": a for n, a in state.items()})
arrays.update({"list.0": torch.zeros(2), "list.1.0": torch.ones(1), "parameter": base[1], "tagged": tagged, "__proto__.polluted": torch.ones(1), "defaults.a": torch.ones(3), "ärger": torch.ones(1)})
both("checkpoint", checkpoint, arrays)
torch.save(checkpoint, "protocol5.pt", pickle_protocol=5)
expect("protocol5.pt", arrays)
both("tensor", base, {"": base})
both("empty", {}, {})
npz = {"Transformer/encoderblock_0/kernel": base.numpy(), "fortran": numpy.asfortranarray(base.numpy()), "big": base.numpy().astype(">f8"), "half": base.numpy().astype(numpy.float16).T,
    "u32": numpy.array([1, 2**24], numpy.uint32), "flags": base.numpy() > 0, "scalar": numpy.float32(3), "zeros": numpy.zeros((0, 3), numpy.float32)}
numpy.savez("stored.npz", **npz)
numpy.savez_compressed("deflated.npz", **npz)
for file in ["stored.npz", "deflated.npz"]:
    expect(file, {n: torch.from_numpy(numpy.array(a.astype(numpy.float32))) for n, a in npz.items()})

torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), "script.bad")
torch.save(net, "model.bad")
torch.save(net, "legacy-model.bad", _use_new_zipfile_serialization=False)
torch.save(torch.eye(2).to_sparse(), "sparse.bad")
negated = torch.randn(3, dtype=torch.complex64).conj().imag
assert negated.is_neg()
torch.save(negated, "negated.bad")
try:
    import safetensors.torch
    stored = {**{n: t.contiguous() for n, t in {**floats, **integers, **unsigned}.items()}, "f8": torch.ones(2).to(torch.float8_e4m3fn)}
    safetensors.torch.save_file(stored, "all.safetensors", {"format": "pt"})
    expect("all.safetensors", {n: t for n, t in stored.items() if n != "f8"})
except ImportError:
    pass
`;

let folder = "";

describe.skipIf(python === undefined)(`files of Python${python === undefined ? " (skipped: python3 has no PyTorch)" : ""}`, () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "hidiff-weights-"));
    execFileSync(python!, ["-c", writer, folder], { stdio: ["ignore", "pipe", "pipe"] });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const pytorch = ["floats", "integers", "views", "state", "parallel", "checkpoint", "tensor", "empty"].flatMap((name) => [`${name}.pt`, `${name}.legacy.pt`]);
  it.each([...pytorch, "unsigned.pt", "protocol5.pt", "stored.npz", "deflated.npz"])("%s is read bit for bit", async (file) => {
    const expected = readExpected(file);
    const weights = await openWeights(join(folder, file));
    expect(weights.format).toBe(file.endsWith(".npz") ? "npz" : "pytorch");
    expect([...weights.entries.keys()].sort()).toEqual(Object.keys(expected).sort());
    for (const [name, [shape, bits]] of Object.entries(expected)) {
      const found = await weights.read(name);
      expect(found.shape, name).toEqual(shape);
      expect(weights.entries.get(name)!.shape).toEqual(shape);
      expect(hex(found.data), name).toBe(bits);
    }
    await weights.close();
  });

  it("safetensors of every type are read bit for bit, but for 8-bit floats, if the package is there", async ({ skip }) => {
    let expected: Expected;
    try {
      expected = readExpected("all.safetensors");
    } catch {
      return skip("Python has no safetensors");
    }
    const weights = await openWeights(join(folder, "all.safetensors"));
    expect(weights.metadata).toEqual({ format: "pt" });
    expect([...weights.entries.keys()].sort()).toEqual([...Object.keys(expected), "f8"].sort());
    for (const [name, [, bits]] of Object.entries(expected)) expect(hex((await weights.read(name)).data), name).toBe(bits);
    await expect(weights.read("f8")).rejects.toMatchObject({ code: "weights.dtype", message: expect.stringMatching(/\(f8\): elements of type F8_E4M3 are not supported/) });
    await weights.close();
  });

  it.each([
    ["script.bad", "pytorch.torchscript", "state_dict()"],
    ["model.bad", "pytorch.unsafe", "torch.nn.modules.container.Sequential"],
    ["legacy-model.bad", "pytorch.unsafe", "torch.nn.modules.container.Sequential"],
    ["negated.bad", "pytorch.format", "negated or conjugated view"],
    ["sparse.bad", "pytorch.format", "torch._utils._rebuild_sparse_tensor"],
  ])("%s is refused", async (file, code, text) => {
    await expect(openWeights(join(folder, file))).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  it("torch.load reads what the tests' own writer makes", () => {
    const tensor = (dtype: PyTorchTensor["dtype"] & string, ...data: number[]): PyTorchTensor => ({ shape: [1, data.length], data, dtype });
    const tensors = new Map<string, PyTorchValue>([
      ["f64", tensor("F64", 0.1, -3)],
      ["f32", tensor("F32", Math.fround(0.1), -0)],
      ["f16", tensor("F16", 1 / 3, 6e-8, 65504, -2, 1e-4)],
      ["bf16", tensor("BF16", 1 / 3, -1e30)],
      ["i64", tensor("I64", -5, 2 ** 40)],
      ["i8", tensor("I8", -5)],
      ["bool", tensor("BOOL", 1, 0)],
    ]);
    const value = new Map<string | number, PyTorchValue>([["model", tensors], ["epoch", 7], ["large", 2 ** 40], ["rate", 0.5], ["none", null], ["list", ["ä", true]], [3, "x"]]);
    for (const format of ["zip", "legacy"] as const) writeFileSync(join(folder, `own.${format}`), encodePyTorch(value, { format }));
    const reader = `
import sys, json, torch
for file in sys.argv[1:]:
    v = torch.load(file, weights_only=True)
    m = v.pop("model")
    print(json.dumps([[[n, str(t.dtype), list(t.shape), t.double().flatten().tolist()] for n, t in m.items()], list(v.items())]))
`;
    const lines = execFileSync(python!, ["-c", reader, join(folder, "own.zip"), join(folder, "own.legacy")], { encoding: "utf8" }).trim().split("\n");
    const thirdHalf = 1365 / 4096; // 0x3555
    const thirdBrain = 171 / 512; // 0x3eab
    for (const line of lines) {
      const [arrays, others] = JSON.parse(line) as [[string, string, number[], number[]][], unknown];
      expect(others).toEqual([["epoch", 7], ["large", 2 ** 40], ["rate", 0.5], ["none", null], ["list", ["ä", true]], [3, "x"]]);
      expect(arrays.map(([name, dtype, shape]) => [name, dtype, shape])).toEqual([
        ["f64", "torch.float64", [1, 2]],
        ["f32", "torch.float32", [1, 2]],
        ["f16", "torch.float16", [1, 5]],
        ["bf16", "torch.bfloat16", [1, 2]],
        ["i64", "torch.int64", [1, 2]],
        ["i8", "torch.int8", [1, 1]],
        ["bool", "torch.bool", [1, 2]],
      ]);
      const values = new Map(arrays.map(([name, , , data]) => [name, data]));
      expect(values.get("f64")).toEqual([0.1, -3]);
      expect(values.get("f32")).toEqual([Math.fround(0.1), -0]);
      expect(values.get("f16")).toEqual([thirdHalf, 2 ** -24, 65504, -2, 1678 / 2 ** 24]);
      expect(values.get("bf16")![0]).toBe(thirdBrain);
      expect(values.get("i64")).toEqual([-5, 2 ** 40]);
      expect(values.get("bool")).toEqual([1, 0]);
    }
    expect(lines).toHaveLength(2);
  });
});

type Expected = Readonly<Record<string, readonly [shape: number[], bits: string]>>;

function readExpected(file: string): Expected {
  return JSON.parse(readFileSync(join(folder, `${file}.json`), "utf8")) as Expected;
}

function hex(data: Float32Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");
}
