import { assert, HidiffError } from "@hidiff/core-tensor/errors";
import { kernelModules, kernelParameters, workerSource } from "./kernels.generated.ts";
import { scratchBytes } from "./scratch.ts";
import { control, type KernelFunction, readProgram, resetCounters, walk } from "./walk.ts";
import { WebAssembly, type WebAssemblyMemory, type WebAssemblyModule } from "./webassembly.ts";

export type KernelName = keyof typeof kernelParameters;

/** What a kernel takes, by name: whole numbers and addresses. */
export type KernelArguments<K extends KernelName> = Readonly<Record<(typeof kernelParameters)[K][number], number>>;

/** A kernel's call, divided into chunks that threads may do in any order. */
export interface KernelCall {
  readonly kernel: KernelName;
  readonly chunks: number;
  readonly arguments: readonly number[];
  /** Working memory that a thread needs for it. */
  readonly scratchBytes: number;
}

/** A kernel's call with named arguments; see `assembly/` for what they mean. */
export function call<K extends KernelName>(kernel: K, chunks: number, values: KernelArguments<K>): KernelCall {
  const names = kernelParameters[kernel] as readonly (keyof KernelArguments<K>)[];
  return { kernel, chunks, arguments: names.map((name) => values[name]), scratchBytes: scratchBytes(kernel, values) };
}

export interface EngineOptions {
  /** Number of threads, this one included. Default: as many as the machine runs at once, at most 16. */
  readonly threads?: number;
  /** "relaxed" needs relaxed SIMD; default is "relaxed" where it works, else "plain". The results are the same. */
  readonly simd?: "relaxed" | "plain";
}

/** Calls that are ready to run. */
export interface Program {
  readonly address: number;
}

const pageBytes = 65536;
const initialPages = 16;
const kernelNames = Object.keys(kernelParameters) as KernelName[];
/** The address of tables, as the kernels have it; before it lies the control block. */
const tablesAddress = 1024;
const signsAddress = 6144;
const paddingAddress = 8192;
/** The most nibbles that a pixel may have. */
const paddingLength = 4096;
/** Bytes that kernels may read, but not use, behind a map. */
const readAhead = 64;
const firstFreeAddress = paddingAddress + paddingLength;

interface Worker {
  terminate(): unknown;
}

/**
 * The binary kernels with their memory and their threads. One engine serves one model: what is allocated stays until the
 * engine is disposed of, or {@link KernelEngine.release released}.
 *
 * The results do not depend on the number of threads, nor on the kind of SIMD.
 */
export class KernelEngine {
  readonly threads: number;
  readonly simd: "relaxed" | "plain";
  readonly #memory: WebAssemblyMemory;
  readonly #kernels: readonly KernelFunction[];
  readonly #workers: readonly Worker[];
  readonly #programs = new Map<Program, ReturnType<typeof readProgram>>();
  #words: Int32Array;
  #end: number = firstFreeAddress;
  #scratch: { readonly address: number; readonly bytes: number } = { address: 0, bytes: 0 };
  #generation = 0;

  private constructor(module: WebAssemblyModule, memory: WebAssemblyMemory, workers: readonly Worker[], simd: "relaxed" | "plain") {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    this.#kernels = kernelNames.map((name) => exports[name] as KernelFunction);
    this.#memory = memory;
    this.#words = new Int32Array(memory.buffer);
    this.threads = 1 + workers.length;
    this.simd = simd;
    this.#workers = workers;
    this.fillConstants();
  }

  /**
   * @throws HidiffError `packed.simd` if WebAssembly here has no SIMD (or no relaxed SIMD, where asked for);
   * `packed.threads` for a number of threads that is no positive integer; `packed.compile`
   */
  static async create(options: EngineOptions = {}): Promise<KernelEngine> {
    const wanted = options.threads ?? Math.min(16, availableThreads());
    if (!Number.isInteger(wanted) || wanted < 1) {
      throw new HidiffError("packed.threads", `KernelEngine: the number of threads must be a positive integer, got ${wanted}.`);
    }
    const simd = chooseSimd(options.simd);
    const sharedMemory = wanted > 1 && canShareMemory() ? createSharedMemory() : undefined;
    const shared = sharedMemory !== undefined;
    const memory = sharedMemory ?? new WebAssembly.Memory({ initial: initialPages });
    const module = await WebAssembly.compile(moduleBytes(simd, shared)).catch((error: unknown) => {
      throw new HidiffError(
        "packed.compile",
        "KernelEngine: the kernels could not be compiled; does a security policy forbid WebAssembly (a page needs 'wasm-unsafe-eval')?",
        { cause: error },
      );
    });
    const setups = Array.from({ length: shared ? wanted - 1 : 0 }, (_, index) => ({ module, memory, kernels: kernelNames, thread: index + 1 }));
    return new KernelEngine(module, memory, await startWorkers(setups), simd);
  }

  /** Bytes of memory in use, working memory of the threads included. */
  get allocatedBytes(): number {
    return this.#end;
  }

  /**
   * Reserves memory, 64-byte aligned, filled with zeros; returns its address.
   *
   * @throws HidiffError `packed.memory` if there is not enough
   */
  allocate(bytes: number): number {
    assert(Number.isSafeInteger(bytes) && bytes >= 0, "packed.memory", () => `KernelEngine: a number of bytes must be a whole number, got ${bytes}.`);
    const address = this.#end;
    const end = address + Math.ceil(bytes / 64) * 64;
    const missing = end + readAhead - this.#memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / pageBytes));
      } catch (error) {
        const megabytes = (value: number): string => `${Math.ceil(value / 2 ** 20)} MiB`;
        throw new HidiffError(
          "packed.memory",
          `KernelEngine: ${megabytes(end)} of memory are needed, ${megabytes(this.#memory.buffer.byteLength)} could be had; use smaller images or windows.`,
          { cause: error },
        );
      }
      this.#words = new Int32Array(this.#memory.buffer);
    }
    this.#end = end;
    this.bytes(address, end - address).fill(0);
    return address;
  }

  /** Reserves memory and copies `data` into it. */
  store(data: Float32Array | Uint8Array): number {
    const address = this.allocate(data.byteLength);
    this.bytes(address, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return address;
  }

  /** Gives back everything that was allocated since `end` was {@link allocatedBytes}. Programs since then are void. */
  release(end: number): void {
    this.#end = end;
    for (const program of this.#programs.keys()) if (program.address >= end) this.#programs.delete(program);
    if (this.#scratch.address >= end) this.#scratch = { address: 0, bytes: 0 };
  }

  /** A view of memory; void after the next allocation. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, length);
  }

  /** A view of memory; void after the next allocation. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, length);
  }

  /** Makes calls ready to run, one after the other. */
  program(calls: readonly KernelCall[]): Program {
    this.reserveScratch(Math.max(0, ...calls.map(({ scratchBytes }) => scratchBytes)));
    const words = [this.#scratch.address, this.#scratch.bytes, calls.length];
    for (const { kernel, chunks, arguments: values } of calls) {
      words.push(kernelNames.indexOf(kernel), chunks, values.length, 0, 0, ...values);
    }
    const address = this.allocate(4 * words.length);
    this.#words.set(words, address / 4);
    const program = { address };
    this.#programs.set(program, readProgram(this.#words, address, this.#kernels, 0));
    return program;
  }

  /**
   * Runs a program to its end, with all threads.
   *
   * @throws HidiffError `packed.program` for a program that was released; `packed.failed` if a kernel failed
   */
  run(program: Program): void {
    const operations = this.#programs.get(program);
    if (operations === undefined) throw new HidiffError("packed.program", "KernelEngine: this program was released; make a new one.");
    let cause: unknown;
    try {
      if (this.threads === 1) runAlone(operations);
      else this.runTogether(program, operations);
    } catch (error) {
      cause = error;
    }
    if (cause !== undefined || Atomics.load(this.#words, control.failed) !== 0) {
      throw new HidiffError("packed.failed", "KernelEngine: a kernel failed; this is a defect, please report it.", { cause });
    }
  }

  /** Ends the threads. The engine cannot be used any more. */
  dispose(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#programs.clear();
  }

  private runTogether(program: Program, operations: ReturnType<typeof readProgram>): void {
    const words = this.#words;
    resetCounters(words, operations);
    Atomics.store(words, control.failed, 0);
    Atomics.store(words, control.program, program.address);
    this.#generation = (this.#generation + 2) % 0x40000000;
    Atomics.store(words, control.generation, this.#generation + 1);
    Atomics.notify(words, control.generation);
    try {
      walk(words, operations, () => Atomics.load(words, control.failed) === 0, mayWait());
    } finally {
      Atomics.store(words, control.generation, this.#generation);
      // Late threads see the end and leave; none may still read counters when they are reset.
      while (Atomics.load(words, control.active) !== 0);
    }
  }

  /** Working memory for each thread; earlier programs keep theirs. */
  private reserveScratch(bytes: number): void {
    if (bytes <= this.#scratch.bytes) return;
    const perThread = Math.ceil(bytes / 64) * 64;
    this.#scratch = { address: this.allocate(perThread * this.threads), bytes: perThread };
  }

  private fillConstants(): void {
    const bytes = this.bytes(0, firstFreeAddress);
    const differing = (activation: number, weights: number): number => (activation === 16 ? 0 : bitCount(activation ^ weights));
    for (let first = 0; first <= 16; first++) {
      for (let second = 0; second <= 16; second++) {
        const table = tablesAddress + 16 * (17 * first + second);
        for (let weights = 0; weights < 16; weights++) bytes[table + weights] = differing(first, weights) | (differing(second, weights) << 4);
      }
    }
    const signs = new Int32Array(this.#memory.buffer, signsAddress, 64);
    for (let nibble = 0; nibble < 16; nibble++) for (let bit = 0; bit < 4; bit++) signs[4 * nibble + bit] = (nibble >> bit) & 1 ? 1 : -1;
    bytes.fill(16, paddingAddress, paddingAddress + paddingLength);
  }
}

function runAlone(operations: ReturnType<typeof readProgram>): void {
  for (const { kernel, chunks, arguments: values } of operations) {
    for (let chunk = 0; chunk < chunks; chunk++) {
      values[0] = chunk;
      kernel.apply(undefined, values);
    }
  }
}

function bitCount(nibble: number): number {
  return (nibble & 1) + ((nibble >> 1) & 1) + ((nibble >> 2) & 1) + ((nibble >> 3) & 1);
}

function moduleBytes(simd: "relaxed" | "plain", shared: boolean): Uint8Array<ArrayBuffer> {
  const text = kernelModules[`${simd}${shared ? "Shared" : ""}`];
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function chooseSimd(wanted: "relaxed" | "plain" | undefined): "relaxed" | "plain" {
  if (wanted !== "plain") {
    // Node.js 20 has relaxed SIMD behind a flag, which must be set before a module is compiled.
    if (!WebAssembly.validate(moduleBytes("relaxed", false))) nodeModule("node:v8")?.setFlagsFromString("--experimental-wasm-relaxed-simd");
    if (WebAssembly.validate(moduleBytes("relaxed", false))) return "relaxed";
    if (wanted === "relaxed") {
      throw new HidiffError("packed.simd", 'KernelEngine: this engine has no relaxed SIMD; leave the option out, or ask for "plain".');
    }
  }
  if (WebAssembly.validate(moduleBytes("plain", false))) return "plain";
  throw new HidiffError("packed.simd", "KernelEngine: WebAssembly has no SIMD here; use a browser of 2021 or later, or the graph engine.");
}

/** Memory that may grow to 4 GiB; undefined where as much address space cannot be had. */
function createSharedMemory(): WebAssemblyMemory | undefined {
  try {
    return new WebAssembly.Memory({ initial: initialPages, maximum: 65536, shared: true });
  } catch {
    return undefined;
  }
}

interface NodeModules {
  "node:v8": { setFlagsFromString(flags: string): void };
  "node:os": { availableParallelism(): number };
  "node:worker_threads": {
    Worker: new (source: string, options: object) => Worker & { unref(): void; once(event: string, listener: (value: unknown) => void): void };
  };
}

interface WebGlobals {
  Blob: new (parts: string[], options: object) => object;
  Worker: new (url: string) => Worker & { postMessage(message: object): void; addEventListener(event: string, listener: (value: unknown) => void): void };
  URL: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void };
}

/** A module of Node.js; undefined in browsers. */
function nodeModule<K extends keyof NodeModules>(name: K): NodeModules[K] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name) as NodeModules[K] | undefined;
}

function availableThreads(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return nodeModule("node:os")?.availableParallelism() ?? navigator?.hardwareConcurrency ?? 1;
}

/** Node.js always can; a browser's page must be cross-origin isolated. */
function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  if (nodeModule("node:worker_threads") !== undefined) return true;
  const { crossOriginIsolated, Worker } = globalThis as { crossOriginIsolated?: boolean; Worker?: unknown };
  return crossOriginIsolated === true && Worker !== undefined;
}

/** A browser's page may not sleep; its workers and all threads of Node.js may. */
function mayWait(): boolean {
  return nodeModule("node:worker_threads") !== undefined || !("document" in globalThis);
}

/**
 * Starts threads and waits until they run: a browser starts none before its caller gives up its turn. None where one cannot
 * start, as under some pages' security policies.
 */
async function startWorkers(setups: readonly object[]): Promise<readonly Worker[]> {
  const threads = nodeModule("node:worker_threads");
  const starts = await Promise.allSettled(setups.map((setup) => (threads === undefined ? startWebWorker(setup) : startNodeWorker(threads, setup))));
  const workers = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
  if (workers.length === setups.length) return workers;
  for (const worker of workers) worker.terminate();
  return [];
}

function startNodeWorker({ Worker }: NodeModules["node:worker_threads"], setup: object): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerSource, { eval: true, workerData: setup, name: "hidiff kernels", execArgv: [] });
    worker.once("message", () => {
      worker.unref(); // the process may end while the thread sleeps
      resolve(worker);
    });
    worker.once("error", reject);
  });
}

function startWebWorker(setup: object): Promise<Worker> {
  const { Blob, Worker, URL } = globalThis as unknown as WebGlobals;
  const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  return new Promise<Worker>((resolve, reject) => {
    const worker = new Worker(url);
    worker.addEventListener("message", () => resolve(worker));
    worker.addEventListener("error", reject);
    worker.postMessage(setup);
  }).finally(() => URL.revokeObjectURL(url));
}
