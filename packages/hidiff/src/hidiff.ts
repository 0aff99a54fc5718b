import { HidiffError } from "@hidiff/core-tensor";
import { backgroundProbabilities, type ImageStack, imageStack, preprocess, type RasterImage } from "@hidiff/datasets";
import { type BundleContents, decodeBundle } from "./bundle/bundle.ts";
import { bundleFiles, type BundleManifest, filesOf } from "./bundle/manifest.ts";
import { unzipBundle } from "./bundle/zip.ts";
import type { OnnxRuntime } from "./external/onnx/onnx-runtime.ts";
import { type NetworkImage, segment, type Segmentation, type SegmentOptions } from "./inference/segment.ts";
import { segmentStack, type SegmentStackOptions, type StackSegmentation } from "./inference/segment-stack.ts";
import type { HybridModel } from "./model/hybrid-model.ts";
import type { CompiledRefiner } from "./packed/compiled-refiner.ts";
import { chooseEngine, compileModel, type RefinerEngine } from "./packed/engine.ts";
import { PackedRefiner } from "./packed/packed-refiner.ts";

export interface HiDiffOptions {
  /** What computes the refinement. Default "packed", where the model allows it. */
  readonly engine?: RefinerEngine;
  /** Threads of the packed engine. Default: as many as the machine runs at once, at most 16. */
  readonly threads?: number;
  /**
   * For bundles whose segmentor is an ONNX model: the module `onnxruntime-web` or `onnxruntime-node`. Needed in browsers;
   * elsewhere, the one that is installed is imported.
   */
  readonly onnxRuntime?: OnnxRuntime | undefined;
  /** How errors call the bundle; default: its URL, or "The bundle". */
  readonly name?: string | undefined;
}

/** How {@link HiDiff.segment} segments a raster image. */
export interface RasterSegmentOptions extends SegmentOptions {
  /**
   * Another program's probabilities of the image, float samples in [0, 1] with a channel a class: for models whose segmentor
   * takes them as the prior.
   */
  readonly prior?: RasterImage | undefined;
}

/** A trained model, ready to segment images. */
export class HiDiff {
  readonly model: HybridModel;
  readonly manifest: BundleManifest;
  readonly engine: RefinerEngine;
  readonly #threads: { readonly threads?: number };
  readonly #compiled: CompiledRefiner | undefined;
  #packedRefiner: Promise<PackedRefiner> | undefined;

  /**
   * @param options.compiled the model's refiner, if it is compiled already
   * @throws HidiffError `engine.packed` if the packed engine is asked for and cannot compute this model; `bundle.inferenceOnly` if
   * the graph engine is, and the model is packed for inference
   */
  constructor(model: HybridModel, manifest: BundleManifest, { engine, threads, compiled }: HiDiffOptions & { readonly compiled?: CompiledRefiner | undefined } = {}) {
    this.model = model;
    this.manifest = manifest;
    this.engine = chooseEngine(model.architecture, engine);
    this.#threads = threads === undefined ? {} : { threads };
    this.#compiled = compiled;
    if (this.engine === "graph") void model.refiner; // makes it now, where its errors belong
  }

  /**
   * Loads a bundle: from the bytes of a `.zip`, from its files by name, or from a URL (of a `.zip` or of a folder).
   * For a path on disk see `loadBundle` of `hidiff/node`.
   *
   * @throws HidiffError `bundle.*` for a damaged, incomplete or foreign bundle, and for one that is packed for inference with
   * the graph engine; `engine.packed`; `onnx.*` and `tfjs.*` for a
   * segmentor of another runtime that cannot be opened
   */
  static async load(source: string | URL | Uint8Array | BundleContents, options: HiDiffOptions = {}): Promise<HiDiff> {
    const url = typeof source === "string" || source instanceof URL ? String(source) : undefined;
    const name = options.name ?? url ?? "The bundle";
    const files = url !== undefined ? await download(url) : source instanceof Uint8Array ? unzipBundle(source, name) : (source as BundleContents);
    const { model, manifest, compiled } = await decodeBundle(files, name, options);
    try {
      return new HiDiff(model, manifest, { ...options, compiled });
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** The refiner on the packed engine, started when it is first asked for; undefined on the graph engine. */
  packedRefiner(): Promise<PackedRefiner | undefined> {
    if (this.engine === "graph") return Promise.resolve(undefined);
    this.#packedRefiner ??= PackedRefiner.create(this.#compiled ?? compileModel(this.model), this.#threads);
    return this.#packedRefiner;
  }

  /**
   * Segments an image or a volume as it was read: the segmentor's prior, refined. It is preprocessed as the images of the
   * training were, and the result brought back to its own size. Options that are not given are the bundle's.
   *
   * @param image a raster image: 8- or 16-bit samples are preprocessed; float samples are taken for what the networks take,
   * and nothing is done to them. Or a stack, of one slice or many, which is always preprocessed.
   * @throws HidiffError `segment.channels`, `segment.values`, `segment.prior`; `packed.simd` where WebAssembly has no SIMD;
   * and those of `preprocess`
   */
  segment(image: RasterImage, options?: Partial<RasterSegmentOptions>): Promise<Segmentation>;
  segment(image: ImageStack, options?: Partial<Omit<SegmentStackOptions, "preprocessing">>): Promise<StackSegmentation>;
  async segment(
    image: RasterImage | ImageStack,
    options: Partial<RasterSegmentOptions> | Partial<Omit<SegmentStackOptions, "preprocessing">> = {},
  ): Promise<Segmentation | StackSegmentation> {
    const packedRefiner = await this.packedRefiner();
    const { inference, preprocessing } = this.manifest;
    const defaults = { seed: 0, ...inference, packedRefiner };
    if ("slice" in image) {
      return segmentStack(this.model, image, { ...defaults, ...(options as Partial<SegmentStackOptions>), preprocessing: preprocessing.steps });
    }
    const { prior: given, ...rest } = options as Partial<RasterSegmentOptions>;
    const prior = given === undefined ? undefined : rasterPrior(given, image, this.model);
    if (image.data instanceof Float32Array) return segment(this.model, { ...this.normalize(image), prior: prior?.slice(0) }, { ...defaults, ...rest });
    const maps = ["probability", "uncertainty", "prior"] as const;
    const result = await segmentStack(this.model, imageStack(image), { ...defaults, ...rest, preprocessing: preprocessing.steps, prior, maps });
    return {
      height: result.height,
      width: result.width,
      classes: result.classes,
      mask: result.labels,
      probability: result.probability!.slice(0),
      uncertainty: result.uncertainty?.slice(0),
      prior: result.prior!.slice(0),
      priorMask: result.priorLabels,
    };
  }

  /** The image as the networks take it: preprocessed, except for float samples. */
  normalize(image: RasterImage): NetworkImage {
    const { height, width, channels, data } = image;
    if (data instanceof Float32Array) return { height, width, channels, data };
    const prepared = preprocess(imageStack(image), this.manifest.preprocessing.steps).image;
    return { height: prepared.height, width: prepared.width, channels: prepared.channels, outside: prepared.outside, data: prepared.slice(0) };
  }

  /** Frees the model's memory and ends the engine's threads. */
  dispose(): void {
    this.model.dispose();
    void this.#packedRefiner?.then(
      (refiner) => refiner.dispose(),
      () => undefined,
    );
  }
}

/** @throws HidiffError `segment.prior` for other samples, another size, or another number of classes than the model's */
function rasterPrior(prior: RasterImage, { height, width }: RasterImage, { architecture: { classes } }: HybridModel): ImageStack {
  const isFloat = prior.data instanceof Float32Array;
  if (isFloat && prior.height === height && prior.width === width && prior.channels === classes) {
    return { ...imageStack(prior), outside: backgroundProbabilities(classes) };
  }
  throw new HidiffError(
    "segment.prior",
    `segment: expected a prior of ${height}×${width} float samples with ${classes} channel(s), as the image and the model's classes, got ` +
      `${prior.height}×${prior.width} ${isFloat ? "float" : "integer"} samples with ${prior.channels}.`,
  );
}

async function download(url: string): Promise<BundleContents> {
  const get = async (address: string): Promise<Uint8Array> => {
    const response = await fetch(address).catch((error: unknown) => {
      throw new HidiffError("bundle.download", `Cannot reach ${address}; check the address and the network.`, { cause: error });
    });
    if (!response.ok) throw new HidiffError("bundle.download", `Cannot download ${address}: the server answered ${response.status}.`);
    return new Uint8Array(await response.arrayBuffer());
  };
  if (url.endsWith(".zip")) return unzipBundle(await get(url), url);
  const base = url.endsWith("/") ? url : `${url}/`;
  const manifest = await get(base + bundleFiles.manifest);
  const files = filesOf(manifest, url).map(async (file) => [file, await get(base + file)] as const);
  return { [bundleFiles.manifest]: manifest, ...Object.fromEntries(await Promise.all(files)) };
}
