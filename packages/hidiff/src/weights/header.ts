import { HidiffError } from "@hidiff/core-tensor";
import { parse } from "@hidiff/datasets";
import { z } from "zod";

/** What a file of weights says of the network that they are of. */
export interface WeightsHeader {
  /** A segmentor's name, or "hidiff-refiner". */
  readonly network: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether names and axes are ours or PyTorch's. */
  readonly layout: "hidiff" | "pytorch";
}

const key = "hidiff-weights";

const schema: z.ZodType<WeightsHeader> = z.strictObject({
  network: z.string().min(1),
  options: z.record(z.string(), z.unknown()),
  layout: z.enum(["hidiff", "pytorch"]),
});

/** The metadata of a safetensors file. */
export function weightsMetadata(header: WeightsHeader): Record<string, string> {
  // "pt" is what PyTorch's readers expect of names and axes in its own order.
  return { [key]: JSON.stringify(header), ...(header.layout === "pytorch" ? { format: "pt" } : {}) };
}

/**
 * What a file says of itself; undefined for those that HiDiff did not write.
 *
 * @throws HidiffError `weights.header`, `config.invalid`
 */
export function readWeightsHeader(metadata: Readonly<Record<string, string>>, name: string): WeightsHeader | undefined {
  const text = metadata[key];
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HidiffError("weights.header", `${name}: its description is not JSON; import the original file again.`, { cause: error });
  }
  return parse(schema, value, name);
}
