import { HidiffError } from "@hidiff/core-tensor";

/** What is used of ONNX Runtime: the modules `onnxruntime-node` and `onnxruntime-web` (1.22 or later) are such. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: { readonly logSeverityLevel: 3 }): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => OnnxTensor;
}

export interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly OnnxValue[];
  readonly outputMetadata: readonly OnnxValue[];
  run(feeds: Readonly<Record<string, OnnxTensor>>, fetches: readonly string[]): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** An input or output; the lengths of free axes are names. */
export interface OnnxValue {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

export interface OnnxTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

const packages = ["onnxruntime-node", "onnxruntime-web"];

/**
 * Imports ONNX Runtime: the native one, which is faster, else the WebAssembly one.
 *
 * @throws HidiffError `onnx.runtime` if neither is installed, or works
 */
export async function importOnnxRuntime(): Promise<OnnxRuntime> {
  const reasons: string[] = [];
  for (const name of packages) {
    try {
      // Not a constant: programs that bundle this package need not have either. Browsers get the module as an option.
      const module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as { readonly default?: OnnxRuntime } & OnnxRuntime;
      return module.InferenceSession === undefined ? module.default! : module;
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message.split("\n", 1)[0] : String(error)}`);
    }
  }
  throw new HidiffError(
    "onnx.runtime",
    `ONNX models need ONNX Runtime: install onnxruntime-node (native) or onnxruntime-web (WebAssembly); in a browser, give the ` +
      `module as the option onnxRuntime of HiDiff.load. (${reasons.join("; ")})`,
  );
}
