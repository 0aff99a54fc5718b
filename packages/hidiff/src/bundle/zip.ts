import { HidiffError } from "@hidiff/core-tensor/errors";
import { unzipSync, zipSync } from "fflate";
import type { BundleContents } from "./bundle.ts";
import { isBundleFile } from "./manifest.ts";

/**
 * The files of a bundle in a zip archive, which may lie in one folder among others.
 *
 * @param onOther called with the path of each file that is none of a bundle
 * @throws HidiffError `bundle.zip` for what is no zip archive, for paths that lead out of it, and for two files of one name
 */
export function unzipBundle(bytes: Uint8Array, name: string, onOther?: (path: string) => void): BundleContents {
  const folders = new Set<string>();
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: ({ name: path }) => {
        if (path.endsWith("/")) return false;
        if (isBundleFile(baseName(path))) {
          folders.add(path.slice(0, -baseName(path).length));
          return true;
        }
        onOther?.(path);
        return false;
      },
    });
  } catch (error) {
    throw new HidiffError("bundle.zip", `${name} is not a complete zip archive; copy it again.`, { cause: error });
  }
  if (Object.keys(files).some(leadsOut)) throw new HidiffError("bundle.zip", `${name} has files whose paths lead out of it; get it from someone whom you trust.`);
  if (folders.size > 1) throw new HidiffError("bundle.zip", `${name} has parts of a model in several folders: ${[...folders].map((folder) => folder || "the root").join(", ")}; zip one bundle.`);
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [baseName(path), content]));
}

/** A zip archive of a bundle's files; the same files give the same bytes. Weights are stored as they are: they hardly compress. */
export function zipBundle(files: BundleContents): Uint8Array {
  const entries = Object.entries(files).map(([name, content]) => [name, [content, { level: name.endsWith(".json") ? 9 : 0, mtime: "1980-01-01T00:00:00" }]] as const);
  return zipSync(Object.fromEntries(entries) as Parameters<typeof zipSync>[0]);
}

function leadsOut(path: string): boolean {
  return /^(?:[\\/]|[A-Za-z]:)/.test(path) || path.split(/[\\/]/).includes("..");
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
