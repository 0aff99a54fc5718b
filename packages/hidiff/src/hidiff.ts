import { HidiffError } from "@hidiff/core-tensor";
import type { RasterImage } from "@hidiff/datasets";
import { unzipSync } from "fflate";
import { type BundleContents, type BundleManifest, bundleFiles, decodeBundle } from "./bundle/bundle.ts";
import { type NetworkImage, segment, type Segmentation, type SegmentOptions } from "./inference/segment.ts";
import type { HybridModel } from "./model/hybrid-model.ts";

/** A trained model, ready to segment images. */
export class HiDiff {
  readonly model: HybridModel;
  readonly manifest: BundleManifest;

  constructor(model: HybridModel, manifest: BundleManifest) {
    this.model = model;
    this.manifest = manifest;
  }

  /**
   * Loads a bundle: from the bytes of a `.zip`, from its files by name, or from a URL (of a `.zip` or of a folder).
   * For a path on disk see `loadBundle` of `hidiff/node`.
   *
   * @throws HidiffError `bundle.*` for a damaged, incomplete or foreign bundle
   */
  static async load(source: string | URL | Uint8Array | BundleContents): Promise<HiDiff> {
    const { model, manifest } =
      typeof source === "string" || source instanceof URL
        ? await decodeBundle(await download(String(source)), String(source))
        : await decodeBundle(source instanceof Uint8Array ? unzip(source, "The bundle") : source, "The bundle");
    return new HiDiff(model, manifest);
  }

  /**
   * Segments an image: the segmentor's prior, refined. Options that are not given are the bundle's.
   *
   * @param image 8- or 16-bit samples (mapped to the network's range), or float samples that are normalized already
   * @throws HidiffError `segment.channels`
   */
  segment(image: RasterImage, options: Partial<SegmentOptions> = {}): Promise<Segmentation> {
    return segment(this.model, this.normalize(image), { seed: 0, ...this.manifest.inference, ...options });
  }

  /** The image as the networks take it. */
  normalize(image: RasterImage): NetworkImage {
    return { height: image.height, width: image.width, channels: image.channels, data: normalizeSamples(image.data, this.manifest.preprocessing.range) };
  }

  dispose(): void {
    this.model.dispose();
  }
}

/** Integer samples mapped from their whole range to `[low, high]`; float samples are returned as they are. */
function normalizeSamples(data: RasterImage["data"], [low, high]: readonly [number, number]): Float32Array {
  if (data instanceof Float32Array) return data;
  const largest = data instanceof Uint8Array ? 255 : 65535;
  return Float32Array.from(data, (value) => low + ((high - low) * value) / largest);
}

/** The files of a zip archive; those of a bundle may lie in one folder. */
export function unzip(bytes: Uint8Array, name: string): BundleContents {
  const known = Object.values(bundleFiles) as string[];
  try {
    const files = unzipSync(bytes, { filter: (file) => known.includes(baseName(file.name)) });
    return Object.fromEntries(Object.entries(files).map(([path, content]) => [baseName(path), content]));
  } catch (error) {
    throw new HidiffError("bundle.zip", `${name} is not a complete zip archive; copy it again.`, { cause: error });
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

async function download(url: string): Promise<BundleContents> {
  const get = async (address: string): Promise<Uint8Array> => {
    const response = await fetch(address).catch((error: unknown) => {
      throw new HidiffError("bundle.download", `Cannot reach ${address}; check the address and the network.`, { cause: error });
    });
    if (!response.ok) throw new HidiffError("bundle.download", `Cannot download ${address}: the server answered ${response.status}.`);
    return new Uint8Array(await response.arrayBuffer());
  };
  if (url.endsWith(".zip")) return unzip(await get(url), url);
  const base = url.endsWith("/") ? url : `${url}/`;
  return Object.fromEntries(await Promise.all(Object.values(bundleFiles).map(async (file) => [file, await get(base + file)] as const)));
}
