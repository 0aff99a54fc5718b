import { Generator } from "@hidiff/core-tensor/random";
import { call, type KernelCall, type KernelEngine, type Program } from "../engine.ts";

const [height, width, channels, groups] = [8, 6, 16, 4];
const tokens = height * width;
const classes = 4;
const tiles = tokens / 4;
const planeRows = tiles + 1;
const nibbles = channels / 4;
const size = { height, width, channels };

/** A program of all kernels in which each call depends on those before it, and each run on the run before. */
export class Chain {
  readonly #engine: KernelEngine;
  readonly #program: Program;
  readonly #start: number;
  readonly #end: number;

  constructor(engine: KernelEngine, seed: number) {
    const random = new Generator(seed);
    const floats = (length: number, deviation: number): number => engine.store(random.normalArray(length, 0, deviation));
    const vector = (): number => floats(channels, 0.2);
    const map = (): number => engine.allocate(4 * tokens * channels);
    const signs = (): number => engine.allocate(tokens * nibbles);
    const activation = () => ({ scale: vector(), bias: vector(), slope: vector(), after: vector() });
    this.#engine = engine;
    this.#start = engine.allocatedBytes;

    const [maskFloats, maskBits] = [floats(tokens * classes, 1), engine.allocate(tokens)];
    const [x, bits, y, bitsY, z, bitsZ, bitsW] = [map(), signs(), map(), signs(), map(), signs(), signs()];
    const [statistics, coefficients] = [engine.allocate(16 * height * groups), engine.allocate(8 * channels)];
    const [transformed, products] = [engine.allocate(64 * planeRows * channels), engine.allocate(64 * planeRows * channels)];
    const convolution = (from: number, fromBits: number, to: number, toBits: number): KernelCall =>
      call("binaryConvolution", height, {
        height, width, outChannels: channels, kernelSize: 3, stride: 1, upsampled: 0, inHeight: height, inWidth: width,
        bits1: fromBits, nibbles1: nibbles, bits2: 0, nibbles2: 0,
        weights: engine.store(Uint8Array.from({ length: 9 * nibbles * channels }, () => random.integer(16))),
        ...activation(), shortcut: 1, shortcut1: from, shortcutChannels1: channels, shortcut2: 0, shortcutChannels2: 0,
        output: to, thresholdA: vector(), bitsA: toBits, thresholdB: 0, bitsB: 0,
      });
    const normalization = { width, channels, groups, perGroup: channels / groups, statistics };
    const calls = [
      call("packMask", height, { width, classes, input: maskFloats, output: maskBits }),
      call("stem", height, {
        ...size, mask: maskBits, nibbles: 1, tables: floats(9 * 16 * channels, 0.3), base: floats(tokens * channels, 1),
        output: x, thresholdA: vector(), bitsA: bits,
      }),
      convolution(x, bits, y, bitsY),
      convolution(y, bitsY, x, bits),
      call("affine", Math.ceil(tokens / 5), {
        tokens, channels, tokensPerChunk: 5, input: x, scale: vector(), bias: vector(), residual: y, output: z,
        thresholdA: vector(), bitsA: bitsY, thresholdB: vector(), bitsB: bitsZ, thresholdC: vector(), bitsC: bitsW,
      }),
      call("attention", tokens, {
        tokens, channels, heads: 2, queryBits: bitsY, keyBits: bitsZ, valueBits: bitsW, query: x, key: z, value: z,
        ...activation(), output: y, thresholdA: vector(), bitsA: bits,
      }),
      call("feedForwardSum", height, {
        ...size, base: x, contracted: z, normalized: y, scale: floats(5 * channels, 0.3), bias: floats(5 * channels, 0.3), output: z,
      }),
      call("reinterpret", tokens, { tokens, channels, input: z, output: x }),
      call("groupStatistics", height, { ...normalization, input: x }),
      call("groupCoefficients", 1, { ...normalization, rows: height, scale: vector(), shift: vector(), coefficients }),
      call("winogradInput", height / 4, { ...size, planeRows, input: x, coefficients, output: transformed }),
      call("matrixProduct", 16 * Math.ceil(tiles / 5), {
        rows: tiles, planeRows, depth: channels, columns: channels, rowsPerChunk: 5, input: transformed,
        weights: floats(16 * channels * channels, 0.2), bias: 0, output: products,
      }),
      call("winogradOutput", height / 2, {
        ...size, planeRows, input: products, bias: vector(), residual: x, output: z, thresholdA: vector(), bitsA: bits,
      }),
      convolution(z, bits, x, bitsY),
      call("floatConvolution", height, {
        height, width, inChannels: channels, outChannels: channels, input: x, weights: floats(9 * channels * channels, 0.1), bias: vector(), output: y,
      }),
      call("winogradConvolution", height / 4, {
        height, width, inChannels: channels, outChannels: classes, activation: 1,
        input: y, coefficients: 0, weights: floats(16 * channels * 8, 0.3), bias: engine.store(new Float32Array(8)), output: maskFloats,
      }),
    ];
    this.#end = engine.allocatedBytes;
    this.#program = engine.program([...calls, ...calls, ...calls]);
  }

  /** All of the chain's memory after a run. */
  run(): Uint8Array {
    this.#engine.run(this.#program);
    return this.#engine.bytes(this.#start, this.#end - this.#start).slice();
  }

  /** The floats that a run ends with. */
  get mask(): Float32Array {
    return this.#engine.floats(this.#start, tokens * classes).slice();
  }
}
