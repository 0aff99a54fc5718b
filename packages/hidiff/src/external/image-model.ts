/** Lengths of the axes of a model's input or output; free ones are undefined. */
export type ModelShape = readonly (number | undefined)[];

/** Numbers and their shape. */
export interface ModelMaps {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A model of another runtime, opened: one input, one output. */
export interface ImageModel {
  /** The runtime, as in the codes of errors. */
  readonly kind: "onnx" | "tfjs";
  /** How errors call the model. */
  readonly name: string;
  /** Undefined where the model does not say it. */
  readonly inputShape: ModelShape | undefined;
  readonly outputShape: ModelShape | undefined;
  /** The operation that computes the output's values. */
  readonly outputOperator: string;
  run(input: ModelMaps): Promise<ModelMaps>;
  dispose(): Promise<void>;
}

/** A shape for errors, such as `[?, 3, 256, 256]`. */
export function showShape(shape: ModelShape): string {
  return `[${shape.map((length) => length ?? "?").join(", ")}]`;
}
