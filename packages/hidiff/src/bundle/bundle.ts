import { HidiffError, type HostTensor } from "@hidiff/core-tensor";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "@hidiff/core-tensor/files";
import { parse } from "@hidiff/datasets";
import { ModelSegmentor } from "../external/model-segmentor.ts";
import type { OnnxRuntime } from "../external/onnx/onnx-runtime.ts";
import { OnnxSource } from "../external/onnx/onnx-source.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { type CompiledRefiner, decodeCompiledRefiner, encodeCompiledRefiner } from "../packed/compiled-refiner.ts";
import { compileModel, isCompilationOf, reasonAgainstPacking } from "../packed/engine.ts";
import { Refiner } from "../refiner/refiner.ts";
import { ZeroGenerator } from "../weights/zero-generator.ts";
import { sha256 } from "./checksum.ts";
import { bundleFiles, type BundleManifest, bundleManifestSchema, decodeManifest, encodeManifest } from "./manifest.ts";

/** What the writer of a bundle says of it; the rest follows from the model. */
export type BundleDescription = Pick<BundleManifest, "name" | "inference" | "classes"> &
  Partial<Pick<BundleManifest, "description" | "licence" | "intendedUse" | "limitations" | "citation" | "channelNames" | "provenance" | "metrics">> & {
    readonly preprocessing?: Partial<BundleManifest["preprocessing"]>;
  };

/** A bundle's files by name. */
export type BundleContents = Readonly<Record<string, Uint8Array>>;

/**
 * The files of a bundle: schema-checked manifest, both networks, the refiner compiled for the packed engine (if it can be),
 * the model of another runtime that is the segmentor (if it is one), checksums and sizes.
 */
export async function encodeBundle(
  model: HybridModel,
  refinerState: ReadonlyMap<string, HostTensor>,
  description: BundleDescription,
): Promise<Record<string, Uint8Array>> {
  const segmentor = encodeSafetensors(model.segmentor.stateDict() as ReadonlyMap<string, StoredTensor>, { network: "segmentor" });
  const refiner = encodeSafetensors(refinerState as ReadonlyMap<string, StoredTensor>, { network: "refiner" });
  const networks: Record<string, Uint8Array> = { [bundleFiles.segmentor]: segmentor, [bundleFiles.refiner]: refiner };
  if (reasonAgainstPacking(model.architecture) === undefined) {
    networks[bundleFiles.packedRefiner] = encodeCompiledRefiner(compileModel(model, refinerState));
  }
  let { architecture } = model;
  if (model.segmentor instanceof ModelSegmentor) {
    const { model: file, files } = await model.segmentor.source.files();
    Object.assign(networks, files);
    const { name, options } = architecture.segmentor;
    architecture = { ...architecture, segmentor: { name, options: { ...options, model: file } } };
  }
  return withManifest({ ...description, format: "hidiff-bundle", version: 1, architecture }, networks);
}

/** The files with their manifest, which says what `description` says, and their checksums and sizes. */
export async function withManifest(description: object, files: BundleContents): Promise<Record<string, Uint8Array>> {
  const checksums = await Promise.all(Object.entries(files).map(async ([name, bytes]) => [name, await sha256(bytes)] as const));
  const sizes = Object.entries(files).map(([name, { length }]) => [name, length] as const);
  const manifest = parse(
    bundleManifestSchema,
    { ...description, checksums: Object.fromEntries(checksums), sizes: Object.fromEntries(sizes) },
    "The bundle's description",
  );
  return { [bundleFiles.manifest]: encodeManifest(manifest), ...files };
}

/** A bundle's files, which are what its manifest says. */
export interface CheckedBundle {
  readonly manifest: BundleManifest;
  /** Bytes of a file that the manifest names. */
  file(entry: string): Uint8Array;
}

/**
 * Checks manifest, sizes and checksums.
 *
 * @throws HidiffError `bundle.missing`, `bundle.size`, `bundle.checksum`, `bundle.manifest`, `config.invalid`
 */
export async function checkBundle(files: BundleContents, name: string): Promise<CheckedBundle> {
  const file = (entry: string): Uint8Array => {
    if (Object.hasOwn(files, entry)) return files[entry]!;
    throw new HidiffError("bundle.missing", `${name} has no ${entry}; copy the bundle again.`);
  };
  const manifest = decodeManifest(file(bundleFiles.manifest), name);
  const check = async ([entry, expected]: readonly [string, string]): Promise<void> => {
    const bytes = file(entry);
    const size = manifest.sizes[entry]!;
    if (bytes.length !== size) {
      throw new HidiffError("bundle.size", `${name}/${entry} has ${bytes.length} bytes, ${bundleFiles.manifest} says ${size}; copy the bundle again.`);
    }
    if ((await sha256(bytes)) !== expected) {
      throw new HidiffError("bundle.checksum", `${name}/${entry} does not have the checksum of ${bundleFiles.manifest}; copy the bundle again.`);
    }
  };
  await Promise.all(Object.entries(manifest.checksums).map(check));
  return { manifest, file };
}

/**
 * The model that a bundle's files hold, its segmentor opened. Its refiner is made when it is first asked for if the bundle
 * has it compiled: the packed engine does not need it.
 *
 * @param name how errors call the bundle
 * @param options.onnxRuntime for a segmentor that is an ONNX model; default: the runtime that is installed
 * @throws HidiffError `bundle.packed`; and those of {@link checkBundle}, of safetensors files and of the segmentor's `open`
 */
export async function decodeBundle(
  files: BundleContents,
  name: string,
  { onnxRuntime }: { readonly onnxRuntime?: OnnxRuntime | undefined } = {},
): Promise<{ model: HybridModel; manifest: BundleManifest; compiled: CompiledRefiner | undefined }> {
  const { manifest, file } = await checkBundle(files, name);
  const network = (entry: string): ReadonlyMap<string, HostTensor> =>
    decodeSafetensors(file(entry), `${name}/${entry}`).tensors as ReadonlyMap<string, HostTensor>;
  const compiled =
    bundleFiles.packedRefiner in manifest.checksums
      ? decodeCompiledRefiner(file(bundleFiles.packedRefiner), `${name}/${bundleFiles.packedRefiner}`)
      : undefined;
  const zeros = new ZeroGenerator();
  const model = new HybridModel(manifest.architecture, zeros, async (entry) => file(entry), (options) => {
    requireRefiner(manifest);
    const state = network(bundleFiles.refiner);
    const refiner = new Refiner(options, zeros);
    try {
      refiner.loadStateDict(state, `${name}/${bundleFiles.refiner}`);
      return refiner;
    } catch (error) {
      refiner.dispose();
      throw error;
    }
  });
  try {
    model.segmentor.loadStateDict(network(bundleFiles.segmentor), `${name}/${bundleFiles.segmentor}`);
    if (compiled === undefined) void model.refiner;
    else if (!isCompilationOf(compiled, model)) {
      throw new HidiffError("bundle.packed", `${name}/${bundleFiles.packedRefiner} was compiled from another architecture than the bundle's; compile it again.`);
    }
    const source = model.segmentor instanceof ModelSegmentor ? model.segmentor.source : undefined;
    if (source instanceof OnnxSource) source.runtime = onnxRuntime;
    await model.segmentor.open();
  } catch (error) {
    model.dispose();
    throw error;
  }
  return { model, manifest, compiled };
}

/** @throws HidiffError `bundle.inferenceOnly` for a bundle without the refiner's weights in floating point */
function requireRefiner({ name, checksums }: BundleManifest): void {
  if (bundleFiles.refiner in checksums) return;
  throw new HidiffError(
    "bundle.inferenceOnly",
    `The model ${name} was packed for inference: it has no ${bundleFiles.refiner}. The packed engine computes it; the graph engine, ` +
      "the export of the refiner and further training need the bundle that it was packed from.",
  );
}
