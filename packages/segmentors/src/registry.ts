import { didYouMean, type Generator, HidiffError } from "@hidiff/core-tensor";
import { MaskSegmentor } from "./external/mask-segmentor.ts";
import { AttentionUNet, type AttentionUNetOptions } from "./attention-unet/attention-unet.ts";
import { ResidualUNet, type ResidualUNetOptions } from "./residual-unet/residual-unet.ts";
import type { SegmentorModule } from "./segmentor.ts";
import { SwinUNet, type SwinUNetOptions } from "./swin-unet/swin-unet.ts";
import type { TransUNetOptions } from "./transunet/options.ts";
import { TransUNet } from "./transunet/transunet.ts";
import { UNet, type UNetOptions } from "./unet/unet.ts";

/** Options by name, as in a configuration file. */
export interface SegmentorOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  readonly [option: string]: unknown;
}

/** Reads a file that a segmentor's options name. */
export type ReadModelFile = (path: string) => Promise<Uint8Array>;

/**
 * Makes a segmentor. It checks its options itself, and takes all random numbers from `generator`. One that wraps the model
 * of another runtime reads its files when it is opened.
 */
export type SegmentorFactory = (options: SegmentorOptions, generator: Generator, readFile?: ReadModelFile) => SegmentorModule;

const factories = new Map<string, SegmentorFactory>([
  ["unet", (options, generator) => new UNet(options as unknown as UNetOptions, generator)],
  ["transunet", (options, generator) => new TransUNet(options as unknown as TransUNetOptions, generator)],
  ["swin-unet", (options, generator) => new SwinUNet(options as unknown as SwinUNetOptions, generator)],
  ["attention-unet", (options, generator) => new AttentionUNet(options as unknown as AttentionUNetOptions, generator)],
  ["residual-unet", (options, generator) => new ResidualUNet(options as unknown as ResidualUNetOptions, generator)],
  ["masks", (options, generator) => new MaskSegmentor(options, generator)],
]);

/** The names that {@link createSegmentor} knows. */
export function segmentorNames(): string[] {
  return [...factories.keys()];
}

/**
 * Adds a segmentor of your own.
 *
 * @throws HidiffError `segmentor.registered` if the name is taken
 */
export function registerSegmentor(name: string, factory: SegmentorFactory): void {
  if (factories.has(name)) {
    throw new HidiffError("segmentor.registered", `registerSegmentor: there is already a segmentor "${name}"; choose another name.`);
  }
  factories.set(name, factory);
}

/**
 * Makes the segmentor of that name, with random parameters.
 *
 * @throws HidiffError `segmentor.unknown` for an unknown name, `segmentor.option` for options that it does not take
 */
export function createSegmentor(name: string, options: SegmentorOptions, generator: Generator, readFile?: ReadModelFile): SegmentorModule {
  const factory = factories.get(name);
  if (factory === undefined) {
    const names = segmentorNames();
    throw new HidiffError(
      "segmentor.unknown",
      `createSegmentor: there is no segmentor "${name}".${didYouMean(name, names)} Known: ${names.join(", ")}.`,
    );
  }
  return factory(options, generator, readFile);
}
