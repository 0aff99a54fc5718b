import { type io, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type * as Converter from "@tensorflow/tfjs-converter";
import { HidiffError } from "../errors.ts";
import { chooseName } from "./choose-name.ts";
import { missingPackage, unreadableModel } from "./load-errors.ts";
import type { TensorFlowModel, TensorFlowModelOptions } from "./load-model.ts";

/** Operations that keep values as they are, or within their range. */
const moves = new Set([
  "Identity", "Cast", "Transpose", "Reshape", "Squeeze", "ExpandDims", "StridedSlice", "Slice", "GatherV2",
  "ResizeBilinear", "ResizeNearestNeighbor",
]);

interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: { readonly fused_ops?: { readonly list?: { readonly s?: readonly string[] } } };
}

interface SignedTensor {
  readonly name?: string;
  readonly tensorShape?: { readonly dim?: readonly { readonly size?: string }[] };
}

interface Signature {
  readonly outputs?: Readonly<Record<string, SignedTensor>>;
}

/** @throws HidiffError as `loadTensorFlowModel` */
export async function openGraphModel(
  artifacts: io.ModelArtifacts,
  name: string,
  options: TensorFlowModelOptions,
): Promise<TensorFlowModel> {
  const converter = await importConverter();
  const model = await converter.loadGraphModel({ load: () => Promise.resolve(artifacts) }).catch((error: unknown) => {
    throw unreadableModel(name, error);
  });
  try {
    const input = chooseName(model.inputs.map((info) => info.name), options.input, "input", name);
    const output = chooseName(model.outputs.map((info) => info.name), options.output, "output", name);
    const inputInfo = model.inputs.find((info) => info.name === input)!;
    return {
      inputShape: inputInfo.shape?.map(lengthOf),
      inputType: inputInfo.dtype,
      outputShape: signedShape(artifacts.signature, output),
      outputOperator: lastOperator(artifacts.modelTopology as { readonly node?: readonly GraphNode[] }, output),
      predict: (image) => tidy(() => model.execute({ [input]: image }, output) as Tensor),
      dispose: () => model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function importConverter(): Promise<typeof Converter> {
  try {
    return await import("@tensorflow/tfjs-converter");
  } catch (error) {
    throw missingPackage("a Graph model", "@tensorflow/tfjs-converter", error);
  }
}

/** −1 stands for any length. */
function lengthOf(length: number | null): number | undefined {
  return length === null || length < 0 ? undefined : length;
}

/** Only the signature knows the shape of an output. */
function signedShape(signature: Signature = {}, output: string): (number | undefined)[] | undefined {
  const tensor = Object.values(signature.outputs ?? {}).find(({ name }) => name?.replace(/:0$/, "") === output);
  return tensor?.tensorShape?.dim?.map(({ size }) => lengthOf(Number(size)));
}

function lastOperator({ node: nodes = [] }: { readonly node?: readonly GraphNode[] }, output: string): string {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const find = (reference: string | undefined): GraphNode | undefined => byName.get(reference?.replace(/^\^|:\d+$/g, "") ?? "");
  let node = find(output);
  while (node !== undefined && moves.has(node.op)) {
    byName.delete(node.name); // so that a damaged graph, which goes in circles, comes to an end
    node = find(node.input?.[0]);
  }
  if (node === undefined) throw new HidiffError("tfjs.format", `The graph has no node that computes its output "${output}".`);
  const fused = node.attr?.fused_ops?.list?.s?.at(-1);
  return fused === undefined ? node.op : atob(fused);
}
