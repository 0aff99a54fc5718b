/**
 * A thread that helps with the programs of an engine. Its code is embedded as text, so that no bundler needs to know of
 * it; it runs in worker threads of Node.js and in web workers.
 */
import { control, type KernelFunction, readProgram, walk } from "./walk.ts";
import { WebAssembly, type WebAssemblyMemory, type WebAssemblyModule } from "./webassembly.ts";

interface Setup {
  readonly module: WebAssemblyModule;
  readonly memory: WebAssemblyMemory;
  readonly kernels: readonly string[];
  /** This thread's number; the engine's own thread is 0. */
  readonly thread: number;
}

/** A browser's worker, or the parent's port of Node.js. */
interface Port {
  postMessage(message: string): void;
}

interface NodeThread {
  readonly workerData: Setup;
  readonly parentPort: Port;
}

const node = (globalThis as { process?: { getBuiltinModule?(name: string): NodeThread } }).process?.getBuiltinModule?.("node:worker_threads");
if (node === undefined) {
  const self = globalThis as unknown as Port & { addEventListener(type: string, listener: (event: { data: Setup }) => void): void };
  self.addEventListener("message", ({ data }) => help(data, self));
} else {
  help(node.workerData, node.parentPort);
}

function help({ module, memory, kernels: names, thread }: Setup, engine: Port): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = names.map((name) => exports[name] as KernelFunction);
  let words = new Int32Array(memory.buffer);
  let seen = 0;
  engine.postMessage("ready");
  for (;;) {
    // An odd generation is a program that runs.
    let generation = Atomics.load(words, control.generation);
    for (let looks = 0; generation === seen || generation % 2 === 0; generation = Atomics.load(words, control.generation)) {
      if (++looks > 4000) Atomics.wait(words, control.generation, generation, 1000);
    }
    seen = generation;
    const isOpen = (): boolean => Atomics.load(words, control.generation) === seen;
    Atomics.add(words, control.active, 1);
    try {
      if (isOpen()) {
        if (words.byteLength !== memory.buffer.byteLength) words = new Int32Array(memory.buffer);
        walk(words, readProgram(words, Atomics.load(words, control.program) >>> 0, kernels, thread), isOpen, true);
      }
    } catch {
      Atomics.store(words, control.failed, 1);
    }
    Atomics.sub(words, control.active, 1);
  }
}
