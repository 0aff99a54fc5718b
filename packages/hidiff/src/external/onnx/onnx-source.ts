import type { MaskPredictor, ReadModelFile } from "@hidiff/segmentors";
import type { ImageModel } from "../image-model.ts";
import { imagePredictor } from "../image-predictor.ts";
import { bundledModelFiles } from "../bundled-model-files.ts";
import type { ModelOptions } from "../model-options.ts";
import type { ModelSource } from "../model-source.ts";
import { openOnnxModel } from "./onnx-model.ts";
import { importOnnxRuntime, type OnnxRuntime } from "./onnx-runtime.ts";

/** An `.onnx` file. */
export class OnnxSource implements ModelSource {
  /** Default: the one that is installed. */
  runtime: OnnxRuntime | undefined;
  readonly #options: ModelOptions;
  readonly #readFile: ReadModelFile;
  #bytes: Uint8Array | undefined;
  #model: ImageModel | undefined;

  constructor(options: ModelOptions, readFile: ReadModelFile) {
    this.#options = options;
    this.#readFile = readFile;
  }

  async open(): Promise<MaskPredictor> {
    const bytes = await this.#read();
    const model = await openOnnxModel(this.runtime ?? (await importOnnxRuntime()), bytes, this.#options.model, this.#options);
    this.#model = model;
    try {
      return imagePredictor(model, this.#options);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  async files(): Promise<{ model: string; files: Record<string, Uint8Array> }> {
    return { model: bundledModelFiles.onnx, files: { [bundledModelFiles.onnx]: await this.#read() } };
  }

  dispose(): void {
    void this.#model?.dispose();
    this.#model = undefined;
  }

  /** Once: what is bundled is what was used, even if the file changes meanwhile. */
  async #read(): Promise<Uint8Array> {
    this.#bytes ??= await this.#readFile(this.#options.model);
    return this.#bytes;
  }
}
