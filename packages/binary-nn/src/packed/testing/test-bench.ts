import { call, type EngineOptions, type KernelArguments, KernelEngine, type KernelName } from "../engine.ts";
import { kernelParameters } from "../kernels.generated.ts";

export type Values = Float32Array | Float64Array | Uint8Array;

/** One call of a kernel, with what it must write. */
export interface KernelCase {
  readonly kernel: KernelName;
  readonly chunks: number;
  /** Numbers, and arrays whose addresses are passed. */
  readonly inputs: Readonly<Record<string, number | Values>>;
  readonly outputs: Readonly<Record<string, Expected>>;
}

export interface Expected {
  readonly values: Values;
  /** The largest error allowed; without it, all bits must be the same. */
  readonly tolerance?: number;
}

/** Where the tables of constants begin; what lies before belongs to the engine's threads. */
const constantsStart = 1024;
const guardBytes = 64;
/** Of a program of one call: the words that count its chunks, from the program's address. */
const countersStart = 24;
const countersEnd = 32;
/** Four of them are 3.4e38: nothing that a kernel may read. */
const fillByte = 0x7f;

/** Numbers that a kernel must neither read nor write. */
export function blank(length: number): Float32Array {
  return new Float32Array(new Uint8Array(4 * length).fill(fillByte).buffer);
}

/** An engine on which single kernels are run and all of its memory is watched. */
export class TestBench {
  readonly engine: KernelEngine;
  readonly name: string;
  readonly #start: number;

  private constructor(engine: KernelEngine) {
    this.engine = engine;
    this.name = `${engine.simd} SIMD, threads: ${engine.threads}`;
    this.#start = engine.allocatedBytes;
  }

  static async create(options: EngineOptions): Promise<TestBench> {
    return new TestBench(await KernelEngine.create(options));
  }

  /**
   * What the kernel writes to its outputs. These and its working memory are not 0 before; guards are around them and the inputs.
   *
   * @throws Error if it writes anywhere else
   */
  run({ kernel, chunks, inputs, outputs }: KernelCase): Record<string, Values> {
    const { engine } = this;
    engine.release(this.#start);
    const parameters: Record<string, number> = {};
    for (const [name, value] of Object.entries(inputs)) {
      if (typeof value === "number") {
        parameters[name] = value;
      } else {
        parameters[name] = this.#allocateFilled(value.byteLength);
        engine.bytes(parameters[name], value.byteLength).set(asBytes(value));
      }
    }
    for (const [name, { values }] of Object.entries(outputs)) parameters[name] = this.#allocateFilled(values.byteLength);
    const missing = kernelParameters[kernel].find((name) => !(name in parameters));
    if (missing !== undefined) throw new Error(`The case of ${kernel} has no ${missing}.`);
    const scratch = engine.allocatedBytes;
    const program = engine.program([call(kernel, chunks, parameters as KernelArguments<KernelName>)]);
    engine.bytes(scratch, program.address - scratch).fill(fillByte);
    this.#allocateFilled(4096);
    const end = engine.allocatedBytes;
    const before = engine.bytes(0, end).slice();
    engine.run(program);
    const after = engine.bytes(0, end).slice();

    const results: Record<string, Values> = {};
    const written = [[0, constantsStart], [scratch, program.address], [program.address + countersStart, program.address + countersEnd]];
    for (const [name, { values }] of Object.entries(outputs)) {
      const [from, to] = [parameters[name]!, parameters[name]! + values.byteLength];
      results[name] = new (values.constructor as new (buffer: ArrayBuffer) => Values)(after.slice(from, to).buffer);
      written.push([from, to]);
    }
    for (const [from, to] of written) before.set(after.subarray(from, to), from);
    if (!sameBytes(before, after)) {
      const address = before.findIndex((byte, index) => byte !== after[index]);
      throw new Error(`${kernel} writes to ${address}, outside of its outputs: ${JSON.stringify({ ...parameters, scratch, program: program.address })}`);
    }
    return results;
  }

  /** Memory with guards before and behind it. */
  #allocateFilled(bytes: number): number {
    const guard = this.engine.allocate(guardBytes + bytes);
    this.engine.allocate(guardBytes);
    this.engine.bytes(guard, this.engine.allocatedBytes - guard).fill(fillByte);
    return guard + guardBytes;
  }

  dispose(): void {
    this.engine.dispose();
  }
}

function asBytes(values: Values): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function sameBytes(a: Values, b: Values): boolean {
  return Buffer.compare(asBytes(a), asBytes(b)) === 0;
}

/** What is wrong with the results of a case, in words; undefined if they are right. */
export function difference(outputs: KernelCase["outputs"], results: Record<string, Values>): string | undefined {
  for (const [name, { values, tolerance }] of Object.entries(outputs)) {
    const received = results[name]!;
    if (sameBytes(received, values)) continue;
    const wrong = values.findIndex((value, index) =>
      tolerance === undefined ? !Object.is(received[index], value) : !(Math.abs(received[index]! - value) <= tolerance),
    );
    if (wrong >= 0) return `${name}[${wrong}] of ${values.length} is ${received[wrong]}, expected ${values[wrong]} ± ${tolerance ?? 0}`;
  }
  return undefined;
}
