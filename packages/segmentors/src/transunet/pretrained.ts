import { elementCount, HidiffError, type HostTensor, type StateDict, tensor3d, tidy } from "@hidiff/core-tensor";
import { resizePositionEmbeddings } from "./position-embeddings.ts";
import type { TransUNet } from "./transunet.ts";

/** Prefixes of our state names and what Google's checkpoints call them. */
const prefixes: readonly (readonly [pattern: RegExp, pretrained: (...indices: number[]) => string])[] = [
  [/^patchEmbedding\./, () => "embedding/"],
  [/^resnet\.conv\./, () => "conv_root/"],
  [/^resnet\.norm\./, () => "gn_root/"],
  [/^resnet\.stages\.(\d)\.(\d+)\./, (stage, unit) => `block${stage! + 1}/unit${unit! + 1}/`],
  [/^transformer\.norm\./, () => "Transformer/encoder_norm/"],
  [/^transformer\.blocks\.(\d+)\./, (layer) => `Transformer/encoderblock_${layer}/`],
];

/** Parts of the remaining name. */
const parts: Readonly<Record<string, string>> = {
  norm1: "gn1",
  norm2: "gn2",
  norm3: "gn3",
  projection: "conv_proj",
  projectionNorm: "gn_proj",
  attentionNorm: "LayerNorm_0",
  attention: "MultiHeadDotProductAttention_1",
  output: "out",
  mlpNorm: "LayerNorm_2",
  linear1: "MlpBlock_3/Dense_0",
  linear2: "MlpBlock_3/Dense_1",
};

const positions = { own: "positionEmbeddings", pretrained: "Transformer/posembed_input/pos_embedding" };

/**
 * The name, in Google's `.npz` checkpoints of hybrid vision transformers (such as R50+ViT-B_16), of one of
 * {@link TransUNet}'s state names; undefined for the decoder's and the head's, which they do not have.
 */
export function pretrainedTransUNetName(name: string): string | undefined {
  if (name === positions.own) return positions.pretrained;
  for (const [pattern, pretrained] of prefixes) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const path = name.slice(match[0].length).split(".");
    const kind = path.pop()!;
    const array = kind === "weight" ? (/norm\d?\.weight$/i.test(name) ? "scale" : "kernel") : kind;
    return pretrained(...match.slice(1).map(Number)) + [...path.map((part) => parts[part] ?? part), array].join("/");
  }
  return undefined;
}

/**
 * The part of a network's state that one of Google's `.npz` checkpoints of hybrid vision transformers holds: the ResNet,
 * the patch and position embeddings and the transformer. The rest, decoder and head, stays the network's own:
 *
 * ```ts
 * const state = pretrainedTransUNetState(network, (name) => arrays.get(name));
 * network.loadStateDict(new Map([...network.stateDict(), ...state]));
 * ```
 *
 * Their layouts are ours but for axes that are split: query, key and value kernels are `[hidden, heads, width]` with biases
 * `[heads, width]`, output kernels `[heads, width, hidden]`, the ResNet's norms `[1, 1, 1, channels]`. Position embeddings lose
 * the class token, which comes first, and are interpolated bilinearly, with aligned corners, to the network's grid.
 *
 * @param find gives the array of that name in the checkpoint, or undefined
 * @throws HidiffError `state.mismatch` if an array is missing or of another size
 */
export function pretrainedTransUNetState(network: TransUNet, find: (name: string) => HostTensor | undefined): StateDict {
  const state: StateDict = new Map();
  for (const { name, variable } of network.parameters()) {
    const pretrained = pretrainedTransUNetName(name);
    if (pretrained === undefined) continue;
    const found = find(pretrained);
    if (found === undefined) {
      throw new HidiffError("state.mismatch", `The pretrained state has no array ${pretrained}; it is of another architecture.`);
    }
    state.set(name, pretrainedTransUNetArray(name, variable.shape, found));
  }
  return state;
}

/**
 * An array of such a checkpoint in the layout of the network's own: see {@link pretrainedTransUNetState}.
 *
 * @param name one of the network's state names, which {@link pretrainedTransUNetName} knows
 * @throws HidiffError `state.mismatch` if it is of another size than `shape`
 */
export function pretrainedTransUNetArray(name: string, shape: readonly number[], found: HostTensor): HostTensor {
  const data = name === positions.own ? resampledPositions(found, shape) : found.data;
  if (data.length !== elementCount(shape)) {
    throw new HidiffError(
      "state.mismatch",
      `The pretrained state's ${pretrainedTransUNetName(name)} of shape [${found.shape}] does not fit ${name} of shape [${shape}]; ` +
        "use the checkpoint's variant, and images of one or three channels.",
    );
  }
  return { shape, data };
}

/** Position embeddings `[1, 1 + grid², hidden]` without their first token, on the square grid of `target` `[1, tokens, hidden]`. */
function resampledPositions({ shape, data }: HostTensor, target: readonly number[]): Float32Array {
  const [, tokens, hidden] = shape as [number, number, number];
  const [grid, size] = [tokens - 1, target[1]!].map(Math.sqrt) as [number, number];
  if (!Number.isInteger(grid) || grid === 0 || hidden !== target[2]) {
    throw new HidiffError(
      "state.mismatch",
      `The pretrained state's ${positions.pretrained} is [${shape}], but [1, 1 + grid², ${target[2]}] was expected: ` +
        "a class token and a square grid.",
    );
  }
  return tidy(() => {
    const embeddings = tensor3d(data.slice(hidden), [1, grid * grid, hidden]);
    return Float32Array.from(resizePositionEmbeddings(embeddings, [size, size]).dataSync());
  });
}
