import type { SampleSource, SegmentationSample } from "../types.ts";
import { labelsToMask, maskToLabels } from "./one-hot.ts";

/** A sample in less memory: one-hot masks are four bytes a class and pixel, labels one byte a pixel. */
interface PackedSample {
  readonly sample: Omit<SegmentationSample, "mask">;
  readonly mask: Float32Array | Uint8Array;
}

/** Keeps the samples used last in memory, up to a number of bytes. A sample that is being read is read once. */
export class SampleCache {
  readonly #source: SampleSource;
  readonly #limit: number;
  readonly #samples = new Map<string, { readonly packed: Promise<PackedSample>; bytes: number }>();
  #bytes = 0;

  constructor(source: SampleSource, limitBytes: number) {
    this.#source = source;
    this.#limit = limitBytes;
  }

  /** How much is kept at the moment. */
  get bytes(): number {
    return this.#bytes;
  }

  async load(id: string): Promise<SegmentationSample> {
    const { sample, mask } = await this.#loadPacked(id);
    return { ...sample, mask: mask instanceof Float32Array ? mask : labelsToMask(mask, sample.classes) };
  }

  clear(): void {
    this.#samples.clear();
    this.#bytes = 0;
  }

  #loadPacked(id: string): Promise<PackedSample> {
    const known = this.#samples.get(id);
    if (known !== undefined) {
      // A Map lists its keys in insertion order: inserting anew makes this one the latest.
      this.#samples.delete(id);
      this.#samples.set(id, known);
      return known.packed;
    }
    const entry = { packed: this.#source.load(id).then(pack), bytes: 0 };
    this.#samples.set(id, entry);
    entry.packed.then(
      ({ sample: { image, fieldOfView, prior }, mask }) => {
        if (this.#samples.get(id) !== entry) return;
        entry.bytes = image.byteLength + mask.byteLength + (fieldOfView?.byteLength ?? 0) + (prior?.byteLength ?? 0);
        this.#bytes += entry.bytes;
        this.#evict();
      },
      () => {
        if (this.#samples.get(id) === entry) this.#samples.delete(id);
      },
    );
    return entry.packed;
  }

  #evict(): void {
    for (const [id, { bytes }] of this.#samples) {
      if (this.#bytes <= this.#limit) return;
      if (bytes === 0) continue; // still being read
      this.#samples.delete(id);
      this.#bytes -= bytes;
    }
  }
}

function pack({ mask, ...sample }: SegmentationSample): PackedSample {
  return { sample, mask: sample.classes === 1 ? mask : maskToLabels(mask, sample.classes) };
}
