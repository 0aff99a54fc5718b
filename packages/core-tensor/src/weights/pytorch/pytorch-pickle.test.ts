import { describe, expect, it } from "vitest";
import { inert, type PickleValue } from "./pickle-values.ts";
import { readPickle } from "./pytorch-pickle.ts";

/**
 * Python's pickle.dumps(value, protocol) of value = {"a": [1, -2, 300, 70000, 2**40, 2**80, -2**80, True, False, None, 1.5,
 * float("inf"), (1, 2), (), (1, 2, 3, 4), "ä\\n\\\\u€😀"], 3: "x", "n": {"k": [], "o": OrderedDict([("p", 1)])}, "s": {1, 2}, "f":
 * frozenset([1])} with value["again"] = value["n"]
 */
const containers: Readonly<Record<string, readonly string[]>> = {
  "protocol 0": [
    "KGRwMApWYQpwMQoobHAyCkkxCmFJLTIKYUkzMDAKYUk3MDAwMAphTDEwOTk1MTE2Mjc3NzZMCmFMMTIwODkyNTgxOTYxNDYyOTE3NDcwNjE3NkwKYUwtMTIwODkyNTgxOTYxNDYyOTE3",
    "NDcwNjE3NkwKYUkwMQphSTAwCmFOYUYxLjUKYUZpbmYKYShJMQpJMgp0cDMKYSh0YShJMQpJMgpJMwpJNAp0cDQKYVbkXHUwMDBhXHUwMDVjdVx1MjBhY1xVMDAwMWY2MDAKcDUKYXNJ",
    "MwpWeApwNgpzVm4KcDcKKGRwOApWawpwOQoobHAxMApzVm8KcDExCmNjb2xsZWN0aW9ucwpPcmRlcmVkRGljdApwMTIKKHRScDEzClZwCnAxNApJMQpzc3NWcwpwMTUKY19fYnVpbHRp",
    "bl9fCnNldApwMTYKKChscDE3CkkxCmFJMgphdHAxOApScDE5CnNWZgpwMjAKY19fYnVpbHRpbl9fCmZyb3plbnNldApwMjEKKChscDIyCkkxCmF0cDIzClJwMjQKc1ZhZ2FpbgpwMjUK",
    "ZzgKcy4=",
  ],
  "protocol 1": [
    "fXEAKFgBAAAAYXEBXXECKEsBSv7///9NLAFKcBEBAEwxMDk5NTExNjI3Nzc2TApMMTIwODkyNTgxOTYxNDYyOTE3NDcwNjE3NkwKTC0xMjA4OTI1ODE5NjE0NjI5MTc0NzA2MTc2TApJ",
    "MDEKSTAwCk5HP/gAAAAAAABHf/AAAAAAAAAoSwFLAnRxAykoSwFLAksDSwR0cQRYDAAAAMOkClx14oKs8J+YgHEFZUsDWAEAAAB4cQZYAQAAAG5xB31xCChYAQAAAGtxCV1xClgBAAAA",
    "b3ELY2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnEMKVJxDVgBAAAAcHEOSwFzdVgBAAAAc3EPY19fYnVpbHRpbl9fCnNldApxEChdcREoSwFLAmV0cRJScRNYAQAAAGZxFGNfX2J1aWx0",
    "aW5fXwpmcm96ZW5zZXQKcRUoXXEWSwFhdHEXUnEYWAUAAABhZ2FpbnEZaAh1Lg==",
  ],
  "protocol 2": [
    "gAJ9cQAoWAEAAABhcQFdcQIoSwFK/v///00sAUpwEQEAigYAAAAAAAGKCwAAAAAAAAAAAAABigsAAAAAAAAAAAAA/4iJTkc/+AAAAAAAAEd/8AAAAAAAAEsBSwKGcQMpKEsBSwJLA0sE",
    "dHEEWAwAAADDpApcdeKCrPCfmIBxBWVLA1gBAAAAeHEGWAEAAABucQd9cQgoWAEAAABrcQldcQpYAQAAAG9xC2Njb2xsZWN0aW9ucwpPcmRlcmVkRGljdApxDClScQ1YAQAAAHBxDksB",
    "c3VYAQAAAHNxD2NfX2J1aWx0aW5fXwpzZXQKcRBdcREoSwFLAmWFcRJScRNYAQAAAGZxFGNfX2J1aWx0aW5fXwpmcm96ZW5zZXQKcRVdcRZLAWGFcRdScRhYBQAAAGFnYWlucRloCHUu",
  ],
  "protocol 4": [
    "gASV0wAAAAAAAAB9lCiMAWGUXZQoSwFK/v///00sAUpwEQEAigYAAAAAAAGKCwAAAAAAAAAAAAABigsAAAAAAAAAAAAA/4iJTkc/+AAAAAAAAEd/8AAAAAAAAEsBSwKGlCkoSwFLAksD",
    "SwR0lIwMw6QKXHXigqzwn5iAlGVLA4wBeJSMAW6UfZQojAFrlF2UjAFvlIwLY29sbGVjdGlvbnOUjAtPcmRlcmVkRGljdJSTlClSlIwBcJRLAXN1jAFzlI+UKEsBSwKQjAFmlChLAZGU",
    "jAVhZ2FpbpRoCHUu",
  ],
};

/** pickle.dumps([b"\\0\\xff", bytearray(b"ab"), b"x" * 300], 5) */
const buffers = [
  "gAWVSAEAAAAAAABdlChDAgD/lJYCAAAAAAAAAGFilEIsAQAAeHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4",
  "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4",
  "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4",
  "eHh4eHh4eHh4eHh4eHh4eHh4eHh4lGUu",
];

/** Python 2's pickle.dumps(OrderedDict([("a", "\\xe4"), ("b", "c")]), 2), whose texts are bytes */
const python2 = "\x80\x02ccollections\nOrderedDict\nq\x00]q\x01(]q\x02(U\x01aq\x03U\x01\xe4q\x04e]q\x05(U\x01bq\x06U\x01cq\x07ee\x85q\x08Rq\t.";

describe("the pickle machine", () => {
  it.each(Object.entries(containers))("reads Python's containers of %s", (_, lines) => {
    const n = new Map<PickleValue, PickleValue>([["k", []], ["o", new Map([["p", 1]])]]);
    const a = [1, -2, 300, 70000, 2 ** 40, 2n ** 80n, -(2n ** 80n), true, false, null, 1.5, Infinity, [1, 2], [], [1, 2, 3, 4], "ä\n\\u€😀"];
    const value = read(Buffer.from(lines.join(""), "base64")) as Map<string, PickleValue>;
    expect(value).toEqual(new Map<unknown, unknown>([["a", a], [3, "x"], ["n", n], ["s", inert], ["f", inert], ["again", n]]));
    expect(value.get("again")).toBe(value.get("n"));
  });

  it("reads bytes, and what Python 2 wrote", () => {
    const [first, second, third] = read(Buffer.from(buffers.join(""), "base64")) as Uint8Array[];
    expect([[...first!], [...second!], third!.length]).toEqual([[0, 255], [97, 98], 300]);
    expect(read(latin1(python2))).toEqual(new Map<unknown, unknown>([["a", Uint8Array.of(0xe4)], ["b", "c"]]));
    expect(read(latin1("(S'it\\'s \\x41\\n'\nL-12345678901234567890L\nF-2.5e3\nI00\nl."))).toEqual(["it's A\n", -12345678901234567890n, -2500, false]);
  });

  const system = "os.system";
  it.each([
    ["GLOBAL", "\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", system],
    ["a GLOBAL that is not called", "\x80\x02cos\nsystem\n0N.", system],
    ["STACK_GLOBAL", "\x80\x04\x8c\x02os\x8c\x06system\x93.", system],
    ["INST", "(S'ls'\nios\nsystem\n.", system],
    ["OBJ", "(cos\nsystem\nS'ls'\no.", system],
    ["eval", "cbuiltins\neval\n.", "builtins.eval"],
    ["getattr", "cbuiltins\ngetattr\n.", "builtins.getattr"],
    ["a dotted name", "\x80\x04\x8c\x05torch\x8c\x10serialization.os\x93.", "torch.serialization.os"],
    ["PyTorch's own loader", "ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"],
    ["names of JavaScript", "c__proto__\nconstructor\n.", "__proto__.constructor"],
  ])("refuses what is not data: %s", (_, pickle, name) => {
    expect(() => read(latin1(pickle))).toThrow(
      expect.objectContaining({ code: "pytorch.unsafe", message: expect.stringMatching(new RegExp(`^x asks for Python's "${name.replaceAll(".", "\\.")}".*Nothing of the file was executed.*state_dict`)) }),
    );
  });

  it.each([
    ["EXT1", "\x82\x01.", "opcode 0x82"],
    ["EXT4", "\x84\x01\x00\x00\x00.", "opcode 0x84"],
    ["NEXT_BUFFER", "\x97.", "opcode 0x97"],
    ["PERSID", "Pstorage\n.", "opcode 0x50"],
    ["protocol 6", "\x80\x06N.", "protocol above 5"],
    ["an empty stack", "0.", "takes more than it has"],
    ["no value", ".", "takes more than it has"],
    ["values below a mark", "N(\x85.", "takes more than it has"],
    ["no mark", "Nt.", "a mark is missing"],
    ["an unknown memo", "h\x07.", "refers to 7"],
    ["a negative memo", "g-1\n.", "a reference is no number"],
    ["APPEND to a number", "K\x01N\x61.", "no list"],
    ["SETITEM of a list", "]NNs.", "no dictionary"],
    ["a key without a value", "}(Nu.", "a key has no value"],
    ["BUILD of a number", "K\x01}b.", "attributes"],
    ["BUILD of a class", "ccollections\nOrderedDict\n}b.", "attributes"],
    ["REDUCE of a number", "K\x01)R.", "no class or function"],
    ["REDUCE of what it made", "ccollections\nOrderedDict\n)R)R.", "no class or function"],
    ["REDUCE without a tuple", "ccollections\nOrderedDict\nNR.", "no tuple"],
    ["NEWOBJ_EX of a text", "\x8c\x01x)}\x92.", "no class or function"],
    ["a persistent identifier that is a text", "X\x01\x00\x00\x00aQ.", "no storage"],
    ["a persistent identifier of another kind", "(X\x06\x00\x00\x00moduletQ.", "no storage"],
    ["a storage of no type", "(X\x07\x00\x00\x00storageX\x01\x00\x00\x00aX\x01\x00\x00\x000NK\x01tQ.", "storage is malformed"],
    ["a negative storage", "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000NJ\xff\xff\xff\xfftQ.", "storage is malformed"],
    ["a text that is not UTF-8", "\x8c\x01\xff.", "not UTF-8"],
    ["a long number", `I${"1".repeat(2000)}\n.`, "integer"],
    ["a long float", `F${"1".repeat(200_000)}x\n.`, "float"],
    ["a number that is none", "I1e3\n.", "integer"],
    ["hexadecimal", "F0x10\n.", "float"],
    ["a dictionary of no pairs", "ccollections\nOrderedDict\n](NNe\x85R.", "no pair"],
    ["a tensor of no storage", "ctorch._utils\n_rebuild_tensor_v2\n)R.", "no storage"],
    ["a parameter of no tensor", "ctorch._utils\n_rebuild_parameter\n)R.", "no tensor"],
    ["a typed tensor made by itself", "ctorch._tensor\n_rebuild_from_type_v2\n2N)\x87R.", "something unknown"],
  ])("refuses %s", (_, pickle, message) => {
    expect(() => read(latin1(pickle))).toThrow(expect.objectContaining({ code: "x", message: expect.stringContaining(message) }));
  });

  it("asks for more where a pickle ends too early, at every byte", () => {
    for (const whole of [...Object.values(containers), buffers]) {
      const bytes = Buffer.from(whole.join(""), "base64");
      for (let length = 0; length < bytes.length; length++) expect(readPickle(bytes.subarray(0, length), 0, "x", fail)).toBeUndefined();
    }
  });

  it("asks for no memory for lengths that are not there", () => {
    for (const opcode of ["X\xff\xff\xff\xff", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", "B\xff\xff\xff\xff", "T\xff\xff\xff\xff", "\x8b\xff\xff\xff\x7f"]) {
      expect(readPickle(latin1(`${opcode}abc.`), 0, "x", fail)).toBeUndefined();
    }
    // Indices of the memo are no positions of an array.
    expect(read(latin1("Nr\xff\xff\xff\xff0j\xff\xff\xff\xff."))).toBeNull();
  });

  it("stops what is far larger in memory than in the file", () => {
    expect(() => read(latin1(`${"}".repeat(1_000_000)}.`))).toThrow("far larger than itself");
    expect(() => read(latin1(`N${"\x94".repeat(1_000_000)}.`))).toThrow("far larger than itself");
    // A list of n pairs, from which n dictionaries are made.
    const pairs = `](${"NN\x86".repeat(3000)}e\x85q\x00`;
    const copies = "ccollections\nOrderedDict\nq\x010".concat("h\x01h\x00R0".repeat(3000));
    expect(() => read(latin1(`${pairs}${copies}.`))).toThrow("far larger than itself");
  });

  it("names the kinds of tensors that are not read", () => {
    expect(() => read(latin1("ctorch._utils\n_rebuild_qtensor\n."))).toThrow(
      expect.objectContaining({ code: "pytorch.format", message: expect.stringMatching(/of a kind that is not read, .* torch\._utils\._rebuild_qtensor\. Save dense/) }),
    );
  });

  it("nests without recursion", () => {
    const depth = 100_000;
    let value = read(latin1(`${"(".repeat(depth)}${"t".repeat(depth)}.`.padStart(6 * depth, "N0")));
    let found = 0;
    for (; Array.isArray(value) && value.length > 0; value = value[0]!) found++;
    expect(found).toBe(depth - 1);
  });

  it("leaves keys such as __proto__ mere keys", () => {
    const value = read(latin1("}X\x09\x00\x00\x00__proto__}X\x08\x00\x00\x00pollutedK\x01ss."));
    expect(value).toEqual(new Map([["__proto__", new Map([["polluted", 1]])]]));
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

function read(bytes: Uint8Array): PickleValue {
  return readPickle(bytes, 0, "x", fail)!.value;
}

function fail(what: string): never {
  throw Object.assign(new Error(what), { code: "x" });
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
