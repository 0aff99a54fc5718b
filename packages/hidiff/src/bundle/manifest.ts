import { HidiffError } from "@hidiff/core-tensor/errors";
import { parse, type Preprocessing, preprocessingSchema, type VolumeSlicing } from "@hidiff/datasets";
import { z } from "zod";
import { type Architecture, architectureSchema, type InferenceOptions, inferenceSchema } from "../config/schema.ts";
import { bundledModelFiles } from "../external/bundled-model-files.ts";
import { type Provenance, provenanceSchema } from "./provenance.ts";
import { type ModelScore, modelScoreSchema } from "./scores.ts";

export const bundleFiles = {
  manifest: "hidiff.json",
  segmentor: "segmentor.safetensors",
  /** The refiner's weights in floating point. A bundle for inference only does not have them. */
  refiner: "refiner.safetensors",
  /** The refiner compiled for the packed engine; not every bundle has it. */
  packedRefiner: "refiner.packed.safetensors",
} as const;

/** The licence of a bundle whose writer named none. */
export const unspecifiedLicence = "unspecified";

/** `hidiff.json`: what a bundle says of itself. */
export interface BundleManifest {
  readonly format: "hidiff-bundle";
  readonly version: 1;
  readonly name: string;
  readonly description: string;
  /** An SPDX identifier, or the terms in words; {@link unspecifiedLicence} if the writer named none. */
  readonly licence: string;
  /** What the model is for: which images, which question. */
  readonly intendedUse: string;
  /** What it is not for, and where it is known to fail. */
  readonly limitations: readonly string[];
  /** How to cite the model or its data. */
  readonly citation?: string | undefined;
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
  readonly provenance: Provenance;
  readonly metrics: readonly ModelScore[];
  /** SHA-256 of the other files, hexadecimal. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Bytes of the other files. */
  readonly sizes: Readonly<Record<string, number>>;
}

const colour = z.string().regex(/^#[0-9a-f]{6}$/i, "expected a colour such as #ff0000");

const preprocessing = z.strictObject({
  // Photographs, as the networks were published for them.
  steps: preprocessingSchema.default([{ step: "scale", from: "range", to: [-1, 1] }]),
  volumes: z.strictObject({ plane: z.enum(["axial", "coronal", "sagittal", "stored"]), outside: z.number() }).optional(),
});

/** All files beside the manifest that a bundle may have. None of them holds code. */
const contentNames = [bundleFiles.segmentor, bundleFiles.refiner, bundleFiles.packedRefiner, ...Object.values(bundledModelFiles)] as const;
const contentName = z.enum(contentNames);
const checksum = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256, 64 hexadecimal digits");

export const bundleManifestSchema: z.ZodType<BundleManifest> = z
  .strictObject({
    format: z.literal("hidiff-bundle"),
    version: z.literal(1),
    name: z.string().min(1),
    description: z.string().default(""),
    licence: z.string().min(1).default(unspecifiedLicence),
    intendedUse: z.string().default(""),
    limitations: z.array(z.string().min(1)).default([]),
    citation: z.string().min(1).optional(),
    architecture: architectureSchema,
    inference: inferenceSchema,
    classes: z.array(z.strictObject({ label: z.number().int().min(0), name: z.string(), colour })),
    channelNames: z.array(z.string().min(1)).optional(),
    preprocessing: preprocessing.prefault({}),
    provenance: provenanceSchema.prefault({}),
    metrics: z.array(modelScoreSchema).default([]),
    checksums: z.partialRecord(contentName, checksum) as z.ZodType<Readonly<Record<string, string>>>,
    sizes: z.partialRecord(contentName, z.number().int().positive()) as z.ZodType<Readonly<Record<string, number>>>,
  })
  .refine(({ channelNames, architecture }) => channelNames === undefined || channelNames.length === architecture.imageChannels, {
    path: ["channelNames"],
    message: "expected one name a channel of the architecture",
  })
  .refine(({ checksums, sizes }) => Object.keys(checksums).toSorted().join() === Object.keys(sizes).toSorted().join(), {
    path: ["sizes"],
    message: "expected the size of every file that has a checksum, and of no other",
  })
  .refine(({ checksums: { [bundleFiles.segmentor]: segmentor, ...rest } }) => segmentor !== undefined && (bundleFiles.refiner in rest || bundleFiles.packedRefiner in rest), {
    path: ["checksums"],
    message: `expected ${bundleFiles.segmentor}, and ${bundleFiles.refiner} or ${bundleFiles.packedRefiner}`,
  });

/** The JSON Schema (draft 2020-12) of `hidiff.json`. */
export function bundleJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(bundleManifestSchema, { io: "input" });
}

/** Whether a bundle may have a file of that name. */
export function isBundleFile(name: string): boolean {
  return name === bundleFiles.manifest || contentNames.some((known) => known === name);
}

/**
 * Reads a manifest's bytes.
 *
 * @param name how errors call the bundle
 * @throws HidiffError `bundle.manifest` if it is not JSON, `config.invalid`
 */
export function decodeManifest(bytes: Uint8Array, name: string): BundleManifest {
  const file = `${name}/${bundleFiles.manifest}`;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new HidiffError("bundle.manifest", `${file} is not JSON; it is damaged or not of a bundle.`, { cause: error });
  }
  return parse(bundleManifestSchema, value, file);
}

/** A manifest's bytes. */
export function encodeManifest(manifest: BundleManifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** The files that a bundle's manifest names beside itself. */
export function filesOf(manifest: Uint8Array, name: string): string[] {
  return Object.keys(decodeManifest(manifest, name).checksums);
}
