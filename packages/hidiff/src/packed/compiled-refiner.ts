import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "@hidiff/core-tensor/files";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { z } from "zod";

/** What the packed engine must know of a refiner; a part of `RefinerOptions`. */
export interface PackedArchitecture {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];
  readonly baseWidth: number;
  readonly crossTransformer: boolean;
  readonly tokenOrder: "spatial" | "published";
  readonly head: "sigmoid" | "linear";
}

/**
 * A binary refiner compiled for some steps: signs as bits, and tables into which normalizations, biases, scales and all
 * that depends on the step are folded. Plain data: no tensor library.
 */
export interface CompiledRefiner {
  readonly architecture: PackedArchitecture;
  /** The step indices that it can compute; row i of a table per step belongs to the i-th. */
  readonly steps: readonly number[];
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const positive = z.number().int().positive();
const headerSchema = z.object({
  format: z.literal("hidiff-packed-refiner"),
  version: z.literal(1),
  architecture: z.strictObject({
    imageChannels: positive,
    classes: positive,
    featureChannels: z.tuple([positive, positive, positive, positive]),
    baseWidth: positive.multipleOf(4),
    crossTransformer: z.boolean(),
    tokenOrder: z.enum(["spatial", "published"]),
    head: z.enum(["sigmoid", "linear"]),
  }),
  steps: z.array(z.number().int().min(0)).min(1),
});

/** The compiled refiner as a safetensors file. */
export function encodeCompiledRefiner({ architecture, steps, tensors }: CompiledRefiner): Uint8Array {
  return encodeSafetensors(tensors, { refiner: JSON.stringify({ format: "hidiff-packed-refiner", version: 1, architecture, steps }) });
}

/**
 * Reads what {@link encodeCompiledRefiner} wrote.
 *
 * @param name how errors call the file
 * @throws HidiffError `packed.format` for a foreign file or an unknown version; and those of safetensors files
 */
export function decodeCompiledRefiner(bytes: Uint8Array, name: string): CompiledRefiner {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const header = headerSchema.safeParse(parseJson(metadata["refiner"] ?? ""));
  if (!header.success) {
    throw new HidiffError("packed.format", `${name} is not a compiled refiner of this version; compile the model again. (${z.prettifyError(header.error)})`);
  }
  return { architecture: header.data.architecture, steps: header.data.steps, tensors };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
