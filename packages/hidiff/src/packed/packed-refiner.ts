import { type EngineOptions, KernelEngine, type Program } from "@hidiff/binary-nn/packed";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { CompiledRefiner } from "./compiled-refiner.ts";
import { Constants, paddedChannels } from "./constants.ts";
import { type ImageState, Plan } from "./plan.ts";

/** What the refiner is given of one or more images of one size, channels last. */
export interface PackedInputs {
  /** A multiple of 32. */
  readonly height: number;
  /** A multiple of 32. */
  readonly width: number;
  /** `[images, height, width, imageChannels]` */
  readonly image: Float32Array;
  /** The segmentor's probability, `[images, height, width, classes]`. */
  readonly prior: Float32Array;
  /** The segmentor's feature maps at strides 4, 8, 16, 32, each `[images, height/stride, width/stride, channels]`. */
  readonly features: readonly [Float32Array, Float32Array, Float32Array, Float32Array];
}

export interface PackedRefinerOptions extends EngineOptions {
  /** Keeps every inner map in memory, for tests of one step. Default false. */
  readonly keepsMaps?: boolean;
}

interface PreparedImage {
  readonly state: ImageState;
  readonly program: Program;
  /** By row of the steps. */
  readonly conditions: readonly Program[];
  readonly stems: readonly Program[];
}

/** The programs for one image size. */
interface Layout {
  readonly height: number;
  readonly width: number;
  readonly plan: Plan;
  readonly images: PreparedImage[];
  /** By row of the steps. */
  readonly main: readonly Program[];
}

/**
 * A refiner on the packed engine: signs as bits, kernels in WebAssembly, no tensor library.
 *
 * What depends on the image alone is computed by {@link prepare}; what depends on image and step once for all chains. Memory
 * is reserved when an image size, or a larger number of images, is first met; further images allocate nothing.
 */
export class PackedRefiner {
  readonly compiled: CompiledRefiner;
  readonly #engine: KernelEngine;
  readonly #constants: Constants;
  readonly #keepsMaps: boolean;
  /** Memory in use before the layout. */
  readonly #constantBytes: number;
  #layout: Layout | undefined;
  #images = 0;
  /** Whose condition maps are in memory. */
  #condition: { readonly image: number; readonly row: number } | undefined;

  private constructor(compiled: CompiledRefiner, engine: KernelEngine, keepsMaps: boolean) {
    this.compiled = compiled;
    this.#engine = engine;
    this.#keepsMaps = keepsMaps;
    this.#constants = new Constants(engine, compiled);
    // Constants are stored when a plan asks for them: one without memory of its own puts them before everything else.
    let imagined = 0;
    const plan = this.plan(32, 32, () => ++imagined);
    const state = plan.imageState();
    plan.imageCalls(state);
    plan.conditionCalls(state, 0);
    plan.stemCalls(state, 0);
    plan.mainCalls(0);
    this.#constantBytes = engine.allocatedBytes;
  }

  /**
   * @throws HidiffError `packed.simd`, `packed.threads`; `packed.format` for a compiled refiner that lacks something
   */
  static async create(compiled: CompiledRefiner, { keepsMaps = false, ...options }: PackedRefinerOptions = {}): Promise<PackedRefiner> {
    const engine = await KernelEngine.create(options);
    try {
      return new PackedRefiner(compiled, engine, keepsMaps);
    } catch (error) {
      engine.dispose();
      throw error;
    }
  }

  /** The engine's threads, kind of SIMD, and bytes of memory. */
  get resources(): { readonly threads: number; readonly simd: "relaxed" | "plain"; readonly memoryBytes: number } {
    const { threads, simd, allocatedBytes: memoryBytes } = this.#engine;
    return { threads, simd, memoryBytes };
  }

  /**
   * Takes in images: what depends on them alone is computed now, and kept for all steps.
   *
   * @returns the number of images
   * @throws HidiffError `refiner.size` for a height or width that is no multiple of 32; `packed.input` for arrays of other
   * lengths; `packed.memory`
   */
  prepare({ height, width, image, prior, features }: PackedInputs): number {
    const { imageChannels, classes, featureChannels } = this.compiled.architecture;
    if (height % 32 !== 0 || width % 32 !== 0 || !(height > 0 && width > 0)) {
      const padded = `${Math.ceil(height / 32) * 32}×${Math.ceil(width / 32) * 32}`;
      throw new HidiffError("refiner.size", `PackedRefiner: height and width must be multiples of 32, got ${height}×${width}; pad to ${padded}.`);
    }
    const pixels = height * width;
    const images = image.length / (pixels * imageChannels);
    if (!Number.isInteger(images) || images === 0) {
      throw new HidiffError("packed.input", `PackedRefiner: an image of ${height}×${width}×${imageChannels} has ${pixels * imageChannels} numbers, got ${image.length}.`);
    }
    requireLength("prior", prior, images * pixels * classes);
    features.forEach((feature, level) => requireLength(`feature ${level}`, feature, (images * pixels * featureChannels[level]!) / (16 << (2 * level))));

    const layout = this.layoutFor(height, width, images);
    this.#images = images;
    this.#condition = undefined;
    for (let index = 0; index < images; index++) {
      const { state, program } = layout.images[index]!;
      const part = (values: Float32Array): Float32Array => values.subarray((index * values.length) / images, ((index + 1) * values.length) / images);
      const input = this.#engine.floats(state.input, pixels * paddedChannels(imageChannels + classes));
      copyChannels(part(image), imageChannels, input, paddedChannels(imageChannels + classes), 0);
      copyChannels(part(prior), classes, input, paddedChannels(imageChannels + classes), imageChannels);
      state.conditions.forEach(({ feature, featureChannels: channels, height: rows, width: columns }, level) => {
        const target = this.#engine.floats(feature, rows * columns * paddedChannels(channels));
        copyChannels(part(features[level]!), channels, target, paddedChannels(channels), 0);
      });
      this.#engine.run(program);
    }
    return images;
  }

  /**
   * The network's output for latent masks of the prepared images, by its head a probability or log odds.
   *
   * @param yt {0, 1}, `[items, height, width, classes]`; item i belongs to image i mod images
   * @param t one of the compiled steps
   * @param output of the same length as `yt`; a new array if left out
   * @throws HidiffError `packed.step` for a step that was not compiled; `packed.input` without prepared images, or for masks
   * of another length
   */
  step(yt: Float32Array, t: number, output: Float32Array = new Float32Array(yt.length)): Float32Array {
    const row = this.compiled.steps.indexOf(t);
    if (row < 0) throw new HidiffError("packed.step", `PackedRefiner: step ${t} was not compiled; there are ${this.compiled.steps.join(", ")}.`);
    if (this.#layout === undefined) throw new HidiffError("packed.input", "PackedRefiner: no image is prepared; call prepare first.");
    const { plan, images, main, height, width } = this.#layout;
    const length = height * width * this.compiled.architecture.classes;
    const items = yt.length / length;
    if (items === 0 || !Number.isInteger(items / this.#images)) {
      throw new HidiffError("packed.input", `PackedRefiner: ${this.#images} images need masks of a multiple of ${this.#images * length} numbers, got ${yt.length}.`);
    }
    requireLength("output", output, yt.length);
    for (let index = 0; index < this.#images; index++) {
      const image = images[index]!;
      if (this.#condition?.image !== index || this.#condition.row !== row) {
        this.#engine.run(image.conditions[row]!);
        this.#condition = { image: index, row };
      }
      for (let item = index; item < items; item += this.#images) {
        this.#engine.floats(plan.mask, length).set(yt.subarray(item * length, (item + 1) * length));
        this.#engine.run(image.stems[row]!);
        this.#engine.run(main[row]!);
        output.set(this.#engine.floats(plan.output, length), item * length);
      }
    }
    return output;
  }

  /** Ends the engine's threads. The refiner cannot be used any more. */
  dispose(): void {
    this.#engine.dispose();
  }

  /** For tests: the plan in memory, with the places of its maps; needs `keepsMaps`. */
  inspect(): { readonly plan: Plan; readonly engine: KernelEngine } | undefined {
    return this.#layout === undefined ? undefined : { plan: this.#layout.plan, engine: this.#engine };
  }

  private layoutFor(height: number, width: number, images: number): Layout {
    if (this.#layout?.height !== height || this.#layout.width !== width) {
      this.#layout = undefined;
      this.#engine.release(this.#constantBytes);
      const plan = this.plan(height, width, (bytes) => this.#engine.allocate(bytes));
      const main = this.compiled.steps.map((_, row) => this.#engine.program(plan.mainCalls(row)));
      this.#layout = { height, width, plan, main, images: [] };
    }
    const layout = this.#layout;
    while (layout.images.length < images) {
      const state = layout.plan.imageState();
      const rows = [...this.compiled.steps.keys()];
      layout.images.push({
        state,
        program: this.#engine.program(layout.plan.imageCalls(state)),
        conditions: rows.map((row) => this.#engine.program(layout.plan.conditionCalls(state, row))),
        stems: rows.map((row) => this.#engine.program(layout.plan.stemCalls(state, row))),
      });
    }
    return layout;
  }

  private plan(height: number, width: number, allocate: (bytes: number) => number): Plan {
    return new Plan({ allocate, constants: this.#constants, architecture: this.compiled.architecture, height, width, keepsAll: this.#keepsMaps });
  }
}

function requireLength(what: string, values: Float32Array, length: number): void {
  if (values.length !== length) throw new HidiffError("packed.input", `PackedRefiner: ${what} must have ${length} numbers, got ${values.length}.`);
}

/** Copies `[pixels][channels]` to channels `start …` of `[pixels][targetChannels]`. */
function copyChannels(source: Float32Array, channels: number, target: Float32Array, targetChannels: number, start: number): void {
  if (channels === targetChannels) {
    target.set(source);
    return;
  }
  for (let from = 0, to = start; from < source.length; from += channels, to += targetChannels) {
    for (let c = 0; c < channels; c++) target[to + c] = source[from + c]!;
  }
}
