import { HidiffError } from "@hidiff/core-tensor";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "@hidiff/core-tensor/files";
import type { HostTensor } from "@hidiff/core-tensor";
import { z } from "zod";
import { parse, type Preprocessing, preprocessingSchema, type VolumeSlicing } from "@hidiff/datasets";
import { type Architecture, architectureSchema, type InferenceOptions, inferenceSchema } from "../config/schema.ts";
import { bundledModelFiles } from "../external/bundled-model-files.ts";
import { ModelSegmentor } from "../external/model-segmentor.ts";
import type { OnnxRuntime } from "../external/onnx/onnx-runtime.ts";
import { OnnxSource } from "../external/onnx/onnx-source.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { type CompiledRefiner, decodeCompiledRefiner, encodeCompiledRefiner } from "../packed/compiled-refiner.ts";
import { compileModel, isCompilationOf, reasonAgainstPacking } from "../packed/engine.ts";
import { sha256 } from "./checksum.ts";

export const bundleFiles = {
  manifest: "hidiff.json",
  segmentor: "segmentor.safetensors",
  refiner: "refiner.safetensors",
  /** The refiner compiled for the packed engine; not every bundle has it. */
  packedRefiner: "refiner.packed.safetensors",
} as const;

/** `hidiff.json`: what a bundle says of itself. */
export interface BundleManifest {
  readonly format: "hidiff-bundle";
  readonly version: 1;
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  readonly architecture: Architecture;
  /** Defaults of inference. */
  readonly inference: InferenceOptions;
  /** One entry a label: 0 is the background. Colours are #rrggbb. */
  readonly classes: readonly { readonly label: number; readonly name: string; readonly colour: string }[];
  /** What the channels of an image are, such as t1, t1ce, t2, flair; absent for photographs and single channels. */
  readonly channelNames?: readonly string[] | undefined;
  readonly preprocessing: {
    /** What is done to an image before the networks see it, and undone to what they give. */
    readonly steps: Preprocessing;
    /** How a volume becomes a stack of slices; absent for models of photographs. */
    readonly volumes?: VolumeSlicing | undefined;
  };
  /** How the model was made: data set, iterations, seed, versions. */
  readonly provenance: Readonly<Record<string, unknown>>;
  /** Scores by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** SHA-256 of the other files, hexadecimal. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** What the writer of a bundle says of it; the rest follows from the model. */
export type BundleDescription = Pick<BundleManifest, "name" | "inference" | "classes"> &
  Partial<Pick<BundleManifest, "description" | "licence" | "channelNames" | "provenance" | "metrics">> & {
    readonly preprocessing?: Partial<BundleManifest["preprocessing"]>;
  };

const colour = z.string().regex(/^#[0-9a-f]{6}$/i, "expected a colour such as #ff0000");

const preprocessing = z.strictObject({
  // Photographs, as the networks were published for them.
  steps: preprocessingSchema.default([{ step: "scale", from: "range", to: [-1, 1] }]),
  volumes: z.strictObject({ plane: z.enum(["axial", "coronal", "sagittal", "stored"]), outside: z.number() }).optional(),
});
/** All files beside the manifest that a bundle may have. */
const contentNames = [bundleFiles.segmentor, bundleFiles.refiner, bundleFiles.packedRefiner, ...Object.values(bundledModelFiles)] as const;
const checksums = z.partialRecord(z.enum(contentNames), z.string());

export const bundleManifestSchema: z.ZodType<BundleManifest> = z
  .strictObject({
    format: z.literal("hidiff-bundle"),
    version: z.literal(1),
    name: z.string().min(1),
    description: z.string().default(""),
    licence: z.string().default("MIT"),
    architecture: architectureSchema,
    inference: inferenceSchema,
    classes: z.array(z.strictObject({ label: z.number().int().min(0), name: z.string(), colour })),
    channelNames: z.array(z.string().min(1)).optional(),
    preprocessing: preprocessing.prefault({}),
    provenance: z.record(z.string(), z.unknown()).default({}),
    metrics: z.record(z.string(), z.number()).default({}),
    checksums: checksums as z.ZodType<Readonly<Record<string, string>>>,
  })
  .refine(({ channelNames, architecture }) => channelNames === undefined || channelNames.length === architecture.imageChannels, {
    path: ["channelNames"],
    message: "expected one name a channel of the architecture",
  });

/** A bundle's files by name. */
export type BundleContents = Readonly<Record<string, Uint8Array>>;

/** Whether a bundle may have a file of that name. */
export function isBundleFile(name: string): boolean {
  return name === bundleFiles.manifest || contentNames.some((known) => known === name);
}

/**
 * The files of a bundle: schema-checked manifest, both networks, the refiner compiled for the packed engine (if it can be),
 * the model of another runtime that is the segmentor (if it is one), checksums.
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
  const checksums = await Promise.all(Object.entries(networks).map(async ([name, bytes]) => [name, await sha256(bytes)] as const));
  const manifest = parse(
    bundleManifestSchema,
    {
      ...description,
      format: "hidiff-bundle",
      version: 1,
      architecture,
      checksums: Object.fromEntries(checksums),
    },
    "The bundle's description",
  );
  return {
    [bundleFiles.manifest]: new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`),
    ...networks,
  };
}

/** The files that a bundle's manifest names beside itself. */
export function filesOf(manifest: Uint8Array, name: string): string[] {
  return Object.keys(parse(bundleManifestSchema, parseJson(manifest, name), `${name}/${bundleFiles.manifest}`).checksums);
}

/**
 * The model that a bundle's files hold, its segmentor opened.
 *
 * @param name how errors call the bundle
 * @param options.onnxRuntime for a segmentor that is an ONNX model; default: the runtime that is installed
 * @throws HidiffError `bundle.missing`, `bundle.checksum`, `bundle.manifest`, `bundle.packed`; and those of safetensors files, of
 * {@link parse} and of the segmentor's `open`
 */
export async function decodeBundle(
  files: BundleContents,
  name: string,
  { onnxRuntime }: { readonly onnxRuntime?: OnnxRuntime | undefined } = {},
): Promise<{ model: HybridModel; manifest: BundleManifest; compiled: CompiledRefiner | undefined }> {
  const file = (entry: string): Uint8Array => {
    const bytes = files[entry];
    if (bytes === undefined) {
      throw new HidiffError("bundle.missing", `${name} has no ${entry}; copy the bundle again.`);
    }
    return bytes;
  };
  const manifest = parse(bundleManifestSchema, parseJson(file(bundleFiles.manifest), name), `${name}/${bundleFiles.manifest}`);
  const load = async <T>(entry: string, decode: (bytes: Uint8Array, name: string) => T): Promise<T> => {
    const bytes = file(entry);
    const decoded = decode(bytes, `${name}/${entry}`);
    if ((await sha256(bytes)) !== manifest.checksums[entry]) {
      throw new HidiffError("bundle.checksum", `${name}/${entry} does not have the checksum of ${bundleFiles.manifest}; copy the bundle again.`);
    }
    return decoded;
  };
  const decodeNetwork = (bytes: Uint8Array, called: string): ReadonlyMap<string, HostTensor> =>
    decodeSafetensors(bytes, called).tensors as ReadonlyMap<string, HostTensor>;
  const segmentor = await load(bundleFiles.segmentor, decodeNetwork);
  const refiner = await load(bundleFiles.refiner, decodeNetwork);
  const hasCompiled = bundleFiles.packedRefiner in manifest.checksums;
  const compiled = hasCompiled ? await load(bundleFiles.packedRefiner, decodeCompiledRefiner) : undefined;
  const readFile = (entry: string): Promise<Uint8Array> => load(entry, (bytes) => bytes);
  const model = new HybridModel(manifest.architecture, undefined, readFile);
  try {
    model.segmentor.loadStateDict(segmentor, `${name}/${bundleFiles.segmentor}`);
    model.refiner.loadStateDict(refiner, `${name}/${bundleFiles.refiner}`);
    if (compiled !== undefined && !isCompilationOf(compiled, model)) {
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

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new HidiffError("bundle.manifest", `${name}/${bundleFiles.manifest} is not JSON; it is damaged or not of a bundle.`, { cause: error });
  }
}
