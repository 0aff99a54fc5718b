import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isHidiffError } from "@hidiff/core-tensor/errors";
import { afterEach, describe, expect, it, vi } from "vitest";
import { call, type EngineOptions, type KernelCall, KernelEngine, type Program } from "./engine.ts";
import { kernelModules } from "./kernels.generated.ts";
import { Chain } from "./testing/chain.ts";
import { WebAssembly } from "./webassembly.ts";

const engines: KernelEngine[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  for (const engine of engines.splice(0)) engine.dispose();
});

async function createEngine(options: EngineOptions = { threads: 1 }): Promise<KernelEngine> {
  const engine = await KernelEngine.create(options);
  engines.push(engine);
  return engine;
}

/** The code of the HidiffError that `action` throws. */
function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return isHidiffError(error) ? error.code : `${error}`;
  }
  return undefined;
}

const [tokens, channels] = [6, 4];

/** A matrix that is transposed back and forth: `times` calls, each of which needs what the one before it wrote. */
class Transposition {
  readonly calls: KernelCall[] = [];
  readonly #engine: KernelEngine;
  readonly #input: number;
  readonly #output: number;

  constructor(engine: KernelEngine, times: number) {
    this.#engine = engine;
    this.#input = engine.store(Float32Array.from({ length: tokens * channels }, (_, index) => index));
    let [from, to, other] = [this.#input, engine.allocate(4 * tokens * channels), engine.allocate(4 * tokens * channels)];
    for (let k = 0; k < times; k++) {
      const size = k % 2 === 0 ? { tokens, channels } : { tokens: channels, channels: tokens };
      this.calls.push(call("reinterpret", size.tokens, { ...size, input: from, output: to }));
      [from, to, other] = [to, other, to];
    }
    this.#output = from;
  }

  isRight(): boolean {
    const transposed = Float32Array.from({ length: tokens * channels }, (_, index) => (index % channels) * tokens + Math.floor(index / channels));
    const expected = this.calls.length % 2 === 0 ? this.#engine.floats(this.#input, tokens * channels) : transposed;
    return this.#engine.floats(this.#output, tokens * channels).every((value, index) => value === expected[index]);
  }
}

/** A program with working memory, some milliseconds long, whose result is 36 everywhere but at the borders. */
function convolutionCall(engine: KernelEngine): { readonly call: KernelCall; readonly isRight: () => boolean } {
  const [height, width] = [200, 16];
  const weights = engine.store(new Float32Array(9 * 4 * 8).fill(1));
  const [input, output] = [engine.store(new Float32Array(height * width * 4).fill(1)), engine.allocate(height * width * 16)];
  const bias = engine.allocate(32);
  return {
    call: call("floatConvolution", height, { height, width, inChannels: 4, outChannels: 4, input, weights, bias, output }),
    isRight: () => {
      const inner = engine.floats(output, height * width * 4).filter((_, index) => {
        const [row, column] = [Math.floor(index / 4 / width), Math.floor(index / 4) % width];
        return row > 0 && row < height - 1 && column > 0 && column < width - 1;
      });
      return inner.every((value) => value === 36);
    },
  };
}

describe("KernelEngine.create", () => {
  it("takes relaxed SIMD where it works, and plain SIMD where it is asked for", async () => {
    expect((await createEngine()).simd).toBe("relaxed");
    expect((await createEngine({ simd: "relaxed", threads: 2 })).simd).toBe("relaxed");
    expect((await createEngine({ simd: "plain" })).simd).toBe("plain");
  });

  it("falls back to plain SIMD, unless relaxed SIMD is asked for", async () => {
    const { validate } = WebAssembly;
    vi.spyOn(WebAssembly, "validate").mockImplementation((bytes) => Buffer.from(bytes).toString("base64") !== kernelModules.relaxed && validate(bytes));
    expect((await createEngine()).simd).toBe("plain");
    await expect(KernelEngine.create({ simd: "relaxed" })).rejects.toMatchObject({ code: "packed.simd" });
  });

  it("refuses WebAssembly without SIMD", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    for (const simd of ["plain", "relaxed", undefined] as const) {
      await expect(KernelEngine.create({ ...(simd && { simd }) })).rejects.toMatchObject({ code: "packed.simd" });
    }
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])("refuses %d threads", async (threads) => {
    await expect(KernelEngine.create({ threads })).rejects.toMatchObject({ code: "packed.threads" });
  });

  it("says where WebAssembly cannot be compiled", async () => {
    const cause = new Error("forbidden");
    vi.spyOn(WebAssembly, "compile").mockRejectedValue(cause);
    await expect(KernelEngine.create()).rejects.toMatchObject({ code: "packed.compile", cause });
  });

  it("has as many threads as asked for, else as the machine runs at once", async () => {
    expect((await createEngine({ threads: 3 })).threads).toBe(3);
    expect((await createEngine({})).threads).toBe(Math.min(16, availableParallelism()));
  });

  const obstacles: Record<string, () => void> = {
    "there is no shared memory": () => vi.stubGlobal("SharedArrayBuffer", undefined),
    "shared memory cannot be had": () => {
      const { Memory } = WebAssembly;
      vi.spyOn(WebAssembly, "Memory").mockImplementation(function (size) {
        if (size.shared === true) throw new RangeError("could not allocate memory");
        return new Memory(size);
      });
    },
    "threads cannot start": () => {
      class Worker {
        once(event: string, listener: (value: unknown) => void): void {
          if (event === "error") queueMicrotask(() => listener(new Error("forbidden")));
        }
      }
      const modules = process as unknown as { getBuiltinModule(name: string): unknown };
      const original = modules.getBuiltinModule.bind(process);
      vi.spyOn(modules, "getBuiltinModule").mockImplementation((name) => (name === "node:worker_threads" ? { Worker } : original(name)));
    },
  };
  it.each(Object.entries(obstacles))("has one thread where %s", async (_, obstruct) => {
    obstruct();
    const engine = await createEngine({ threads: 3 });
    expect(engine.threads).toBe(1);
    const transposition = new Transposition(engine, 1);
    engine.run(engine.program(transposition.calls));
    expect(transposition.isRight()).toBe(true);
  });
});

describe.each([1, 3])("memory of an engine with %i threads", (threads) => {
  it("is aligned and filled with zeros, also where it was in use before", async () => {
    const engine = await createEngine({ threads });
    const start = engine.allocatedBytes;
    const addresses = [1, 64, 65, 0, 4].map((bytes) => engine.allocate(bytes));
    expect(addresses.map((address) => address - start)).toEqual([0, 64, 128, 256, 256]);
    expect(start % 64).toBe(0);
    engine.bytes(start, 320).fill(7);
    engine.release(start);
    expect(engine.allocatedBytes).toBe(start);
    expect(engine.allocate(320)).toBe(start);
    expect(engine.bytes(start, 320).every((byte) => byte === 0)).toBe(true);
  });

  it("stores arrays, also parts of them, and keeps them when it grows", async () => {
    const engine = await createEngine({ threads });
    const floats = engine.store(Float32Array.of(1, 2, 3, 4, 5).subarray(1, 4));
    const bytes = engine.store(Uint8Array.of(6, 7, 8).subarray(1));
    const far = engine.allocate(2 ** 23);
    expect([...engine.floats(floats, 4), ...engine.bytes(bytes, 3)]).toEqual([2, 3, 4, 0, 7, 8, 0]);
    expect(engine.allocatedBytes).toBe(far + 2 ** 23);
  });

  it("refuses what cannot be had, and can be used afterwards", async () => {
    const engine = await createEngine({ threads });
    const before = engine.allocatedBytes;
    for (const bytes of [2 ** 33, -64, 1.5, Number.NaN]) expect(codeOf(() => engine.allocate(bytes)), `${bytes}`).toBe("packed.memory");
    expect(engine.allocatedBytes).toBe(before);
    expect(engine.allocate(64)).toBe(before);
  });

  it("does not grow by running", async () => {
    const engine = await createEngine({ threads });
    const chain = new Chain(engine, 1);
    const before = engine.allocatedBytes;
    chain.run();
    chain.run();
    expect(engine.allocatedBytes).toBe(before);
  });

  it("holds one working memory for all programs, as large as the neediest one's, until it is released", async () => {
    const engine = await createEngine({ threads });
    const { call: needy, isRight } = convolutionCall(engine);
    const { calls } = new Transposition(engine, 1);
    const start = engine.allocatedBytes;
    const sizeOf = (calls: readonly KernelCall[]): number => {
      const before = engine.allocatedBytes;
      const program = engine.program(calls);
      const after = engine.allocatedBytes;
      engine.run(program);
      return after - before;
    };
    const without = sizeOf(calls);
    expect(sizeOf([needy]) - sizeOf([needy])).toBe(threads * Math.ceil(needy.scratchBytes / 64) * 64);
    expect(sizeOf(calls)).toBe(without);
    engine.release(start);
    // As after a release nobody may use what was there, the next program has to reserve again.
    expect(sizeOf([needy])).toBeGreaterThan(threads * needy.scratchBytes);
    expect(isRight()).toBe(true);
  });

  it("keeps the programs before it when it grows", async () => {
    const engine = await createEngine({ threads });
    for (let turn = 0; turn < 8; turn++) {
      const transposition = new Transposition(engine, 50);
      // The program lies across the old end of the memory.
      engine.allocate(engine.bytes(0, 1).buffer.byteLength - engine.allocatedBytes - 1024);
      const program = engine.program(transposition.calls);
      const { byteLength } = engine.bytes(0, 1).buffer;
      expect(program.address).toBeLessThan(byteLength - 65536);
      for (let k = 0; k < 3; k++) engine.run(program);
      expect(transposition.isRight()).toBe(true);
      engine.allocate(65536);
      engine.run(program);
      expect(transposition.isRight()).toBe(true);
    }
  });
});

describe.each([1, 2, 4])("programs of an engine with %i threads", (threads) => {
  it("run their calls one after the other, again and again", async () => {
    const engine = await createEngine({ threads });
    for (const times of [1, 2, 101]) {
      const transposition = new Transposition(engine, times);
      const program = engine.program(transposition.calls);
      for (let k = 0; k < 20; k++) engine.run(program);
      expect(transposition.isRight()).toBe(true);
    }
  });

  it("may be empty, and have calls without chunks", async () => {
    const engine = await createEngine({ threads });
    const transposition = new Transposition(engine, 1);
    const nothing: KernelCall = { ...transposition.calls[0]!, chunks: 0 };
    for (const calls of [[], [nothing], [nothing, ...transposition.calls, nothing]]) engine.run(engine.program(calls));
    expect(transposition.isRight()).toBe(true);
  });

  it("are void after a release, even where another program has taken their place, and after the engine's end", async () => {
    const engine = await createEngine({ threads });
    const { calls } = new Transposition(engine, 1);
    const kept = engine.program(calls);
    const before = engine.allocatedBytes;
    const released = engine.program(calls);
    engine.release(before);
    expect(codeOf(() => engine.run(released))).toBe("packed.program");
    const successor = engine.program(calls);
    expect(successor.address).toBe(released.address);
    expect(codeOf(() => engine.run(released))).toBe("packed.program");
    expect(codeOf(() => engine.run(successor))).toBeUndefined();
    expect(codeOf(() => engine.run(kept))).toBeUndefined();
    engine.dispose();
    expect(codeOf(() => engine.run(kept))).toBe("packed.program");
  });

  it("fail where a kernel leaves the memory, and the engine works on", async () => {
    const engine = await createEngine({ threads });
    const transposition = new Transposition(engine, 2);
    const good = engine.program(transposition.calls);
    const outside = call("reinterpret", tokens, { tokens, channels, input: 0xfff00000, output: 0xfff00000 });
    const [first, second] = transposition.calls;
    for (const calls of [[outside], [first!, outside, second!], [first!, second!, outside]]) {
      const bad = engine.program(calls);
      for (let k = 0; k < 5; k++) {
        expect(codeOf(() => engine.run(bad))).toBe("packed.failed");
        expect(codeOf(() => engine.run(good))).toBeUndefined();
        expect(transposition.isRight()).toBe(true);
      }
    }
  });

  it("fail where only the last chunk of many leaves the memory", async () => {
    const engine = await createEngine({ threads });
    const { calls } = new Transposition(engine, 1);
    const { byteLength } = engine.bytes(0, 1).buffer;
    const many = 500;
    // The input of the last token would begin at the memory's end.
    const outside = call("reinterpret", many, { tokens: many, channels: 1, input: byteLength - 4 * (many - 1), output: engine.allocate(4 * many) });
    const bad = engine.program([...calls, outside, ...calls]);
    for (let k = 0; k < 20; k++) expect(codeOf(() => engine.run(bad))).toBe("packed.failed");
    expect(codeOf(() => engine.run(engine.program(calls)))).toBeUndefined();
  });
});

describe("a worker thread", () => {
  /**
   * Gives the worker threads, which read the program in memory, other working memory than the engine's own thread, which
   * has read it: thread 1 gets that at `address`.
   */
  function moveScratch(engine: KernelEngine, { address: program }: Program, address: number): void {
    const words = new Int32Array(engine.bytes(program, 8).buffer, program, 2);
    words[0] = address - words[1]!;
  }

  /** Runs the program until that has happened what may happen only if the worker thread is awake in time. */
  function runUntil(run: () => void, hasHappened: () => boolean): void {
    const end = performance.now() + 60_000;
    while (!hasHappened()) {
      if (performance.now() > end) throw new Error("The worker thread did nothing in a minute.");
      run();
    }
  }

  it.each([2 ** 20, 2 ** 31])("takes part in programs, also after the memory has grown by %d bytes, and after it has failed", async (growth) => {
    const engine = await createEngine({ threads: 2 });
    const { call: convolution, isRight } = convolutionCall(engine);
    /** Runs the program until the worker thread has used its working memory. */
    const expectHelp = (program: Program, probe: number): void => {
      moveScratch(engine, program, probe);
      engine.bytes(probe, convolution.scratchBytes).fill(0);
      const run = (): void => {
        engine.run(program);
        expect(isRight()).toBe(true);
      };
      runUntil(run, () => engine.bytes(probe, convolution.scratchBytes).some((byte) => byte !== 0));
    };
    const probe = engine.allocate(convolution.scratchBytes);
    expectHelp(engine.program([convolution]), probe);
    engine.allocate(growth);
    const farProbe = engine.allocate(convolution.scratchBytes);
    const program = engine.program([convolution]);
    expectHelp(program, farProbe);

    moveScratch(engine, program, 0xfff00000);
    const codes = new Set<string | undefined>();
    runUntil(() => codes.add(codeOf(() => engine.run(program))), () => codes.has("packed.failed"));
    expect([...codes].filter((code) => code !== undefined)).toEqual(["packed.failed"]);
    expectHelp(program, farProbe);
  });
});

it("gives the same bits with any number of threads and both kinds of SIMD", async () => {
  const runs = 10;
  const results: Uint8Array[][] = [];
  for (const simd of ["plain", "relaxed"] as const) {
    for (const threads of [1, 2, 3]) {
      const engine = await createEngine({ threads, simd });
      const chain = new Chain(engine, 5);
      results.push(Array.from({ length: runs }, () => chain.run()));
      // Both classes of many pixels: what is compared is not trivial.
      const share = chain.mask.filter((value) => value > 0.5).length / chain.mask.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.4);
    }
  }
  const [first, ...others] = results;
  expect(first!.slice(1).some((memory) => Buffer.compare(memory, first![0]!) !== 0)).toBe(true);
  for (const other of others) expect(other.map((memory, run) => Buffer.compare(memory, first![run]!))).toEqual(new Array<number>(runs).fill(0));
});

describe("in a process of its own", () => {
  /** Runs TypeScript to its end and returns what it prints; fails if it takes longer than two minutes. */
  async function printed(source: string): Promise<string> {
    const imports = 'import { call, KernelEngine } from "./src/packed.ts"; import { Chain } from "./src/packed/testing/chain.ts";';
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@hidiff/source", "--import", "tsx", "--input-type=module", "--eval", `${imports}\n${source}`],
      { cwd: fileURLToPath(new URL("../..", import.meta.url)), timeout: 120_000 },
    );
    return stdout.trim();
  }

  it("the process ends by itself while threads sleep", async () => {
    const output = await printed(`
      const engine = await KernelEngine.create({ threads: 3 });
      const [input, output] = [engine.store(Float32Array.of(1, 2, 3, 4)), engine.allocate(16)];
      engine.run(engine.program([call("reinterpret", 2, { tokens: 2, channels: 2, input, output })]));
      console.log(engine.threads, ...engine.floats(output, 4));
    `);
    expect(output).toBe("3 1 3 2 4");
  });

  it("200 runs with more threads than processors come to an end", async () => {
    const output = await printed(`
      const engines = [await KernelEngine.create({ threads: 1 }), await KernelEngine.create({ threads: 4 })];
      const chains = engines.map((engine) => new Chain(engine, 6));
      let same = 0;
      for (let run = 0; run < 200; run++) same += Buffer.compare(chains[0].run(), chains[1].run()) === 0;
      console.log(same);
    `);
    expect(output).toBe("200");
  });

  it("many engines are created and disposed of one after another", async () => {
    const output = await printed(`
      let runs = 0;
      for (let index = 0; index < 25; index++) {
        const engine = await KernelEngine.create({ threads: 3 });
        const chain = new Chain(engine, 7);
        if (chain.run().length > 0) runs++;
        engine.dispose();
      }
      console.log(runs);
    `);
    expect(output).toBe("25");
  });
});
