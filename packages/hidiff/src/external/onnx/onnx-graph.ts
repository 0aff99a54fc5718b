import { HidiffError } from "@hidiff/core-tensor";
import { wireFields } from "./wire-format.ts";

interface Producer {
  readonly operator: string;
  /** Its first input. */
  readonly input: string | undefined;
}

/** What the runtimes do not tell of an ONNX file. */
interface OnnxGraph {
  /** The operation that computes each tensor. */
  readonly producers: ReadonlyMap<string, Producer>;
  /** Names of other files that hold weights. */
  readonly externalFiles: readonly string[];
}

/** Numbers of the fields that are read, by message (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
const fields = {
  model: { graph: 7 },
  graph: { node: 1, initializer: 5 },
  node: { input: 1, output: 2, operator: 4, attribute: 5 },
  attribute: { tensor: 5, graph: 6 },
  tensor: { externalData: 13 },
  entry: { key: 1, value: 2 },
} as const;

/** Operations that keep values as they are, or within their range. */
const moves = new Set([
  "Identity", "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Gather",
  "Resize", "Upsample", "DepthToSpace", "Dropout",
]);

/** @throws HidiffError `onnx.format` if the bytes are no ONNX model */
export function readOnnxGraph(bytes: Uint8Array, name: string): OnnxGraph {
  const producers: Map<string, Producer> = new Map();
  const externalFiles = new Set<string>();
  try {
    const graphs = messages(bytes, fields.model.graph);
    if (graphs.length === 0) throw new RangeError("it has no graph");
    for (const graph of graphs) readGraph(graph, producers, externalFiles);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new HidiffError("onnx.format", `${name} is no ONNX model, or damaged (${error.message}); export it again.`, { cause: error });
  }
  return { producers, externalFiles: [...externalFiles] };
}

/** The operation that computes the values of `output`: copies, moves and resizing do not count. */
export function lastOperator({ producers }: OnnxGraph, output: string): string {
  let producer = producers.get(output);
  while (producer !== undefined && moves.has(producer.operator)) {
    const before = producers.get(producer.input ?? "");
    if (before === undefined) break;
    producer = before;
  }
  return producer?.operator ?? "none";
}

function readGraph(graph: Uint8Array, producers: Map<string, Producer>, externalFiles: Set<string>): void {
  for (const { number, bytes } of wireFields(graph)) {
    if (number === fields.graph.initializer) readTensor(bytes, externalFiles);
    if (number !== fields.graph.node) continue;
    const [input] = messages(bytes, fields.node.input).map(text);
    const operator = messages(bytes, fields.node.operator).map(text).at(-1) ?? "";
    for (const output of messages(bytes, fields.node.output).map(text)) producers.set(output, { operator, input });
    for (const attribute of messages(bytes, fields.node.attribute)) {
      for (const tensor of messages(attribute, fields.attribute.tensor)) readTensor(tensor, externalFiles);
      for (const body of messages(attribute, fields.attribute.graph)) readGraph(body, new Map(), externalFiles); // names of its own
    }
  }
}

function readTensor(tensor: Uint8Array, externalFiles: Set<string>): void {
  for (const entry of messages(tensor, fields.tensor.externalData)) {
    const [key] = messages(entry, fields.entry.key).map(text);
    const [value] = messages(entry, fields.entry.value).map(text);
    if (key === "location" && value !== undefined) externalFiles.add(value);
  }
}

/** The bytes of a message's fields of that number. */
function messages(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const { number, bytes } of wireFields(message)) if (number === wanted) found.push(bytes);
  return found;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
