import type { SegmentationDataset, SegmentationSample } from "../types.ts";

/** Keeps the samples used last in memory, up to a number of bytes. A sample that is being read is read once. */
export class SampleCache {
  readonly #dataset: SegmentationDataset;
  readonly #limit: number;
  readonly #samples = new Map<string, { readonly sample: Promise<SegmentationSample>; bytes: number }>();
  #bytes = 0;

  constructor(dataset: SegmentationDataset, limitBytes: number) {
    this.#dataset = dataset;
    this.#limit = limitBytes;
  }

  load(id: string): Promise<SegmentationSample> {
    const known = this.#samples.get(id);
    if (known !== undefined) {
      // A Map lists its keys in insertion order: inserting anew makes this one the latest.
      this.#samples.delete(id);
      this.#samples.set(id, known);
      return known.sample;
    }
    const entry = { sample: this.#dataset.load(id), bytes: 0 };
    this.#samples.set(id, entry);
    entry.sample.then(
      ({ image, mask, fieldOfView }) => {
        if (this.#samples.get(id) !== entry) return;
        entry.bytes = image.byteLength + mask.byteLength + (fieldOfView?.byteLength ?? 0);
        this.#bytes += entry.bytes;
        this.#evict();
      },
      () => {
        if (this.#samples.get(id) === entry) this.#samples.delete(id);
      },
    );
    return entry.sample;
  }

  clear(): void {
    this.#samples.clear();
    this.#bytes = 0;
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
