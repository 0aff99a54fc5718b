import { createHash } from "node:crypto";
import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { type BundleContents, bundleFiles, checkBundle, decodeManifest, unzipBundle } from "hidiff";
import { formatBytes } from "../bench/units.ts";
import { usageError } from "../errors.ts";
import { withProgress } from "../terminal/progress.ts";
import { cacheFolder, type CachedModel, cachedModels, storeModel } from "./cache.ts";
import { download } from "./download.ts";

export interface FetchOptions {
  /** The SHA-256 that the `.zip` must have. */
  readonly sha256?: string | undefined;
  /** Whether nothing may be fetched. Default: as HIDIFF_OFFLINE says. */
  readonly offline?: boolean | undefined;
  readonly cache?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * Downloads a bundle, a `.zip` or a folder, into the cache. It is checked first; if anything is wrong, the cache stays as
 * it was.
 *
 * @throws HidiffError `model.offline`, `model.download`, `model.checksum`, `model.exists` if another URL's model has the name;
 * and those of `checkBundle`
 */
export async function fetchModel(url: string, { sha256, offline, cache = cacheFolder(), timeoutSeconds }: FetchOptions = {}): Promise<CachedModel> {
  const name = nameOf(url);
  if (offline ?? isOffline()) {
    throw new HidiffError("model.offline", `Nothing is fetched offline, so not ${url}. Go without --offline and HIDIFF_OFFLINE, or give the path of a .zip or folder.`);
  }
  const present = (await cachedModels(cache)).find((model) => model.name === name);
  if (present !== undefined && present.url !== url) {
    throw new HidiffError("model.exists", `The cache already has a model "${name}", from ${present.url}. Remove it first: hidiff model remove ${name}`);
  }
  const files = await withProgress({ total: 1 }, async (progress) => {
    const get: Get = (address, part) =>
      download(address, {
        timeoutSeconds,
        onProgress: (done, length) => {
          const total = part?.all ?? length ?? 0;
          if (total > 0) progress.update(Math.min(1, ((part?.before ?? 0) + done) / total), `Fetching ${name}`, [formatBytes(total)]);
        },
      });
    return /\.zip$/i.test(new URL(url).pathname) ? fetchZip(url, sha256, get) : fetchFolder(url, sha256, get);
  });
  await checkBundle(files, url);
  return storeModel(name, files, { url }, cache);
}

/** Downloads a file; of several files, with the bytes of those before it and of all. */
type Get = (address: string, part?: { readonly before: number; readonly all: number }) => Promise<Uint8Array>;

async function fetchZip(url: string, expected: string | undefined, get: Get): Promise<BundleContents> {
  const bytes = await get(url);
  const found = createHash("sha256").update(bytes).digest("hex");
  if (expected !== undefined && found !== expected.toLowerCase()) {
    throw new HidiffError("model.checksum", `${url} has the SHA-256 ${found}, not ${expected}: it is damaged, or another file. Nothing was kept.`);
  }
  return unzipBundle(bytes, url);
}

async function fetchFolder(url: string, expected: string | undefined, get: Get): Promise<BundleContents> {
  if (expected !== undefined) throw usageError("--sha256 is for a .zip; the files of a folder have their checksums in hidiff.json.");
  const address = (file: string): string => {
    const whole = new URL(url);
    whole.pathname = `${whole.pathname.replace(/\/$/, "")}/${file}`;
    return whole.href;
  };
  const manifest = await get(address(bundleFiles.manifest));
  const sizes = Object.entries(decodeManifest(manifest, url).sizes);
  const all = sizes.reduce((sum, [, size]) => sum + size, 0);
  const files: Record<string, Uint8Array> = { [bundleFiles.manifest]: manifest };
  let before = 0;
  for (const [file, size] of sizes) {
    files[file] = await get(address(file), { before, all });
    before += size;
  }
  return files;
}

/** The name under which the cache keeps a model: the last part of its URL's path, without `.zip`. */
function nameOf(url: string): string {
  const last = URL.canParse(url) ? new URL(url).pathname.split("/").findLast((part) => part !== "") : undefined;
  const name = (last ?? "").replace(/\.zip$/i, "");
  if (/^\w[\w.-]*$/.test(name)) return name;
  throw usageError(`${url} does not end in a name for the model, of letters, digits, ".", "-" and "_"; give the URL of a .zip.`);
}

function isOffline(): boolean {
  return !["", "0", "false"].includes(process.env["HIDIFF_OFFLINE"] ?? "");
}

/** An error that a model of that name is not there. */
export function unknownModel(name: string, known: readonly string[]): HidiffError {
  return new HidiffError("model.unknown", `There is no model "${name}": no such path, and no model of that name.${didYouMean(name, known)} Known: ${known.join(", ") || "none"}.`);
}
