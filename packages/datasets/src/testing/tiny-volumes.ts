import { Generator } from "@hidiff/core-tensor/random";
import type { DatasetEntry, DatasetSpec } from "../registry.ts";
import type { ImageStack, LabelStack, SegmentationCase, SegmentationDataset } from "../types.ts";

interface TinyVolumesOptions {
  /** How many slices each training case has. */
  readonly depths: readonly number[];
  /** Cases that cannot be read. */
  readonly broken?: readonly string[];
  /** Called when a case is read. */
  readonly onLoad?: (id: string) => void;
}

/**
 * Cases "case-0", … of 12×10 pixels, two channels and three classes. Values tell where they come from: channel 0 holds
 * 100 · case + slice + pixel / 1000, channel 1 noise. The middle third of the slices shows classes 1 and 2.
 */
export function tinyVolumes({ depths, broken = [], onLoad }: TinyVolumesOptions): SegmentationDataset {
  const ids = depths.map((_, index) => `case-${index}`);
  return {
    name: "tiny-volumes",
    imageChannels: 2,
    channelNames: ["place", "noise"],
    classes: 3,
    classNames: ["background", "organ", "tumour"],
    splits: { train: ids.slice(0, -1), validation: ids.slice(-1), test: [] },
    preprocessing: [{ step: "clip", low: -1e6, high: 1e6 }],
    depthOf: (id) => depths[ids.indexOf(id)]!,
    load: async (id) => {
      onLoad?.(id);
      if (broken.includes(id)) throw new Error("the file is truncated");
      return tinyCase(id, ids.indexOf(id), depths[ids.indexOf(id)]!);
    },
  };
}

const [height, width] = [12, 10];

function tinyCase(id: string, number: number, depth: number): SegmentationCase {
  const image: ImageStack = {
    depth,
    height,
    width,
    channels: 2,
    spacing: [2, 1, 1],
    outside: [-7, 0.5],
    slice: (index) => {
      const generator = new Generator(`${number} ${index}`);
      return Float32Array.from({ length: height * width * 2 }, (_, i) => (i % 2 === 0 ? 100 * number + index + i / 2000 : generator.normal()));
    },
  };
  const labels: LabelStack = {
    depth,
    height,
    width,
    slice: (index) => {
      const shown = index >= depth / 3 && index < (2 * depth) / 3;
      return Uint8Array.from({ length: height * width }, (_, pixel) => (shown && pixel % width > 4 ? 1 + (pixel % 2) : 0));
    },
  };
  return { id, image, labels, ...(number === 0 ? { fieldOfView: { ...labels, slice: () => new Uint8Array(height * width).fill(1) } } : {}) };
}

/** For registries, also in worker threads. */
export const tinyVolumesEntry: DatasetEntry = {
  options: ["depths", "broken"],
  open: (spec: DatasetSpec) => tinyVolumes(spec as unknown as TinyVolumesOptions),
};
