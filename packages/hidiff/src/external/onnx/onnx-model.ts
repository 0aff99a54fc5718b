import { HidiffError } from "@hidiff/core-tensor";
import type { ImageModel, ModelMaps } from "../image-model.ts";
import { lastOperator, readOnnxGraph } from "./onnx-graph.ts";
import type { OnnxRuntime, OnnxSession, OnnxValue } from "./onnx-runtime.ts";

/**
 * Opens an ONNX model.
 *
 * @param name how errors call it
 * @throws HidiffError `onnx.format`, `onnx.external` if its weights are in files of their own, `onnx.open` if the runtime cannot
 * open it, `onnx.names`, `onnx.type` for other numbers than float32
 */
export async function openOnnxModel(
  runtime: OnnxRuntime,
  bytes: Uint8Array,
  name: string,
  options: { readonly input?: string | undefined; readonly output?: string | undefined },
): Promise<ImageModel> {
  const graph = readOnnxGraph(bytes, name);
  if (graph.externalFiles.length > 0) {
    throw new HidiffError(
      "onnx.external",
      `${name} keeps weights in other files (${graph.externalFiles.join(", ")}); save it as one file: ` +
        "torch.onnx.export(…, external_data=False), or onnx.save_model(…, save_as_external_data=False).",
    );
  }
  const failed = (code: string, what: string, advice: string) => (error: unknown): never => {
    throw new HidiffError(code, `ONNX Runtime cannot ${what} ${name}: ${reasonOf(error)}; ${advice}.`, { cause: error });
  };
  const session = await runtime.InferenceSession.create(bytes, { logSeverityLevel: 3 })
    .catch(failed("onnx.open", "open", "export it with an opset and operations that this runtime knows, or install a newer one"));
  try {
    const input = chooseValue(session, "input", options.input, name);
    const output = chooseValue(session, "output", options.output, name);
    return {
      kind: "onnx",
      name,
      inputShape: shapeOf(input),
      outputShape: shapeOf(output),
      outputOperator: lastOperator(graph, output.name),
      run: async ({ shape, data }: ModelMaps) => {
        const feeds = { [input.name]: new runtime.Tensor("float32", data, shape) };
        const results = await session
          .run(feeds, [output.name])
          .catch(failed("onnx.run", "run", `its input was [${shape.join(", ")}]; a model for certain sizes only needs the option multipleOf`));
        const { data: values, dims } = results[output.name]!;
        return { shape: dims, data: values as Float32Array };
      },
      dispose: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** The input or output of that name, or the only one, if it is of float32 numbers. */
function chooseValue(session: OnnxSession, what: "input" | "output", wanted: string | undefined, model: string): OnnxValue {
  const values = what === "input" ? session.inputMetadata : session.outputMetadata;
  const list = values.map(({ name }) => `"${name}"`).join(", ");
  const value = wanted === undefined && values.length === 1 ? values[0] : values.find(({ name }) => name === wanted);
  if (value === undefined) {
    const problem = wanted === undefined ? `has ${values.length} ${what}s` : `has no ${what} "${wanted}"`;
    throw new HidiffError("onnx.names", `${model} ${problem}; set the option ${what} to one of ${list}.`);
  }
  if (value.type !== "float32") {
    const advice = what === "output" ? "give the model without what makes labels of its scores" : "export the model with float32 images";
    throw new HidiffError(
      "onnx.type",
      `${model}: expected the ${what} "${value.name}" to be of float32 numbers, got ${value.type ?? "no tensor"}; ${advice}.`,
    );
  }
  return value;
}

function shapeOf({ shape }: OnnxValue): (number | undefined)[] | undefined {
  // An output of unknown rank has no axes at all here.
  if (shape === undefined || shape.length === 0) return undefined;
  return shape.map((length) => (typeof length === "number" && length > 0 ? length : undefined));
}

/** What the runtime says, without the places and functions of its own sources. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^.*ERROR_MESSAGE: /s, "").replaceAll(/\S+\.(?:cc|h):\d+ .*?\) (?=[A-Z])/gs, "").trim().replace(/\.$/, "");
}
