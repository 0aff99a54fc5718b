import { HidiffError } from "@hidiff/core-tensor/errors";
import { decodeSafetensors, encodeSafetensors } from "@hidiff/core-tensor/files";
import { reasonAgainstPacking } from "../packed/engine.ts";
import { type BundleContents, type BundleDescription, checkBundle, withManifest } from "./bundle.ts";
import { bundleFiles, type BundleManifest } from "./manifest.ts";
import { isSameModel } from "./scores.ts";

export interface PackOptions {
  /** Leaves the refiner's weights in floating point out, the largest file: the packed engine computes without them. */
  readonly inferenceOnly?: boolean | undefined;
  /** Stores the segmentor's weights in half precision: half the size, 11 significant bits. */
  readonly half?: boolean | undefined;
  /** What the new manifest says instead of the old one. */
  readonly description?: Partial<Omit<BundleDescription, "metrics" | "preprocessing">> | undefined;
  /** The scores for the new manifest; default: those of the old one, if the weights are the same. */
  readonly scores?: ((manifest: BundleManifest) => Promise<BundleManifest["metrics"]>) | undefined;
}

/**
 * A bundle from a bundle: smaller, or with another description. Nothing is computed, and no tensor library is needed.
 *
 * @param name how errors call the bundle
 * @throws HidiffError `bundle.packed` if it cannot do without the refiner's floating-point weights; `safetensors.range` for
 * weights too large for half precision; and those of {@link checkBundle}
 */
export async function packBundle(files: BundleContents, name: string, { inferenceOnly, half, description, scores }: PackOptions): Promise<Record<string, Uint8Array>> {
  const { manifest, file } = await checkBundle(files, name);
  const contents = Object.fromEntries(Object.keys(manifest.checksums).map((entry) => [entry, file(entry)]));
  if (inferenceOnly === true) {
    if (contents[bundleFiles.packedRefiner] === undefined) {
      const reason = reasonAgainstPacking(manifest.architecture) ?? `it has no ${bundleFiles.packedRefiner}`;
      throw new HidiffError("bundle.packed", `${name} cannot be packed for inference only, which the packed engine computes: ${reason}.`);
    }
    delete contents[bundleFiles.refiner];
  }
  if (half === true) {
    const { tensors, metadata } = decodeSafetensors(file(bundleFiles.segmentor), `${name}/${bundleFiles.segmentor}`);
    contents[bundleFiles.segmentor] = encodeSafetensors(tensors, metadata, "F16");
  }
  const changed = { ...manifest, ...description, metrics: [] };
  const packed = await withManifest(changed, contents);
  const { manifest: own } = await checkBundle(packed, name);
  const metrics = scores === undefined ? (isSameModel(own.checksums, manifest.checksums) ? manifest.metrics : []) : await scores(own);
  return metrics.length === 0 ? packed : withManifest({ ...changed, metrics }, contents);
}
