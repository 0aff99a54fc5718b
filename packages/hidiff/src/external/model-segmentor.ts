import { type Generator, HidiffError } from "@hidiff/core-tensor";
import { MaskSegmentor, type ReadModelFile, type SegmentorFactory } from "@hidiff/segmentors";
import { type ModelOptions, readModelOptions } from "./model-options.ts";
import type { ModelSource } from "./model-source.ts";

/** A segmentor that is the model of another runtime. */
export class ModelSegmentor extends MaskSegmentor {
  readonly source: ModelSource;

  constructor({ imageChannels, classes, featureWidth }: ModelOptions, generator: Generator, source: ModelSource) {
    super({ imageChannels, classes, ...(featureWidth === undefined ? {} : { featureWidth }) }, generator, () => source.open());
    this.source = source;
  }

  override dispose(): void {
    super.dispose();
    this.source.dispose();
  }
}

/** Makes the segmentors of one runtime. */
export function modelSegmentorFactory(
  kind: string,
  makeSource: (options: ModelOptions, readFile: ReadModelFile) => ModelSource,
): SegmentorFactory {
  return (given, generator, readFile = cannotRead) => {
    const options = readModelOptions(kind, given);
    return new ModelSegmentor(options, generator, makeSource(options, readFile));
  };
}

function cannotRead(path: string): Promise<never> {
  const advice = "Give HybridModel a function that does; in Node, readModelFile of hidiff/node.";
  return Promise.reject(new HidiffError("model.file", `The segmentor's model ${path} cannot be read: nothing here reads files. ${advice}`));
}
