import { isHidiffError } from "@hidiff/core-tensor/errors";
import type { OnnxRuntime } from "../external/onnx/onnx-runtime.ts";
import { type BundleContents, decodeBundle } from "./bundle.ts";
import { bundleFiles, type BundleManifest, decodeManifest } from "./manifest.ts";

/** What {@link verifyBundle} found. */
export interface BundleVerification {
  /** What is wrong, a sentence each; none for a good bundle. */
  readonly problems: readonly string[];
  /** Undefined if it cannot be read. */
  readonly manifest: BundleManifest | undefined;
}

/**
 * Checks all of a bundle: the manifest against its schema, sizes and checksums of the files, that nothing else lies among
 * them, and that every network loads with the shapes of the architecture.
 *
 * @param files those that a bundle may have
 * @param others paths of what else lies there
 * @param name how problems call the bundle
 */
export async function verifyBundle(
  files: BundleContents,
  others: readonly string[],
  name: string,
  options: { readonly onnxRuntime?: OnnxRuntime | undefined } = {},
): Promise<BundleVerification> {
  const problems: string[] = [];
  const attempt = async <T>(action: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await action();
    } catch (error) {
      if (!isHidiffError(error)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const bytes = files[bundleFiles.manifest];
  const manifest = bytes === undefined ? undefined : await attempt(() => decodeManifest(bytes, name));
  if (bytes === undefined) problems.push(`${name} has no ${bundleFiles.manifest}; it is not a bundle.`);
  const unlisted = manifest === undefined ? [] : Object.keys(files).filter((file) => file !== bundleFiles.manifest && !(file in manifest.checksums));
  for (const file of [...unlisted, ...others]) problems.push(`${name} has the file ${file}, which ${bundleFiles.manifest} does not name; remove it.`);
  if (manifest === undefined) return { problems, manifest };
  const decoded = await attempt(() => decodeBundle(files, name, options));
  if (decoded !== undefined) {
    await attempt(() => {
      if (bundleFiles.refiner in manifest.checksums) void decoded.model.refiner;
    });
    decoded.model.dispose();
  }
  return { problems, manifest };
}
