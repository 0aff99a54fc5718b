import { Generator, type HostTensor, pytorchShape, type StateDict, stateFromPyTorch } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { formulaParameter } from "../../../../test/goldens.ts";
import "../../../../test/matchers.ts";
import { randomImage, run } from "../testing/segmentor-checks.ts";
import type { TransUNetOptions } from "./options.ts";
import { pretrainedTransUNetName, pretrainedTransUNetState } from "./pretrained.ts";
import { publishedTransUNetName } from "./published-names.ts";
import { TransUNet } from "./transunet.ts";

beforeAll(useTestBackend);

const heads = 2;
const small: TransUNetOptions = {
  imageChannels: 1,
  classes: 2,
  hiddenSize: 8,
  mlpSize: 12,
  heads,
  layers: 2,
  resnetUnits: [2, 1, 1],
  widthFactor: 1 / 16,
  decoderChannels: [4, 4, 4, 4],
  imageSize: 64,
};

/** Whether the ResNet, the embeddings and the transformer have it, by its published name. */
const isEncoders = (published: string): boolean => published.startsWith("transformer.");

/** The array in a checkpoint that the published loader reads one of the PyTorch network's encoder's arrays from. */
function inCheckpoint(published: string, { shape, data }: HostTensor): [name: string, array: HostTensor] {
  const kind = published.endsWith("bias") ? "bias" : /gn|norm/.test(published) ? "scale" : "kernel";
  const name = published
    .replace("transformer.embeddings.position_embeddings", "Transformer/posembed_input/pos_embedding")
    .replace("transformer.embeddings.patch_embeddings.", "embedding/")
    .replace(/transformer\.embeddings\.hybrid_model\.root\.(conv|gn)\./, "$1_root/")
    .replace(/transformer\.embeddings\.hybrid_model\.body\.(block\d)\.(unit\d+)\./, "$1/$2/")
    .replace("downsample", "conv_proj")
    .replace("transformer.encoder.encoder_norm.", "Transformer/encoder_norm/")
    .replace(/transformer\.encoder\.layer\.(\d+)\./, "Transformer/encoderblock_$1/")
    .replace("attention_norm", "LayerNorm_0")
    .replace("ffn_norm", "LayerNorm_2")
    .replace(/attn\.(\w+)/, "MultiHeadDotProductAttention_1/$1")
    .replace(/ffn\.fc(\d)/, (_, index: string) => `MlpBlock_3/Dense_${Number(index) - 1}`)
    .replace(/[./](weight|bias)$/, `/${kind}`)
    .replaceAll(".", "/");

  if (name.endsWith("pos_embedding")) {
    const [, tokens, hidden] = shape as [number, number, number];
    // The class token comes first; a number that would be seen anywhere.
    return [name, { shape: [1, tokens + 1, hidden], data: Float32Array.of(...new Float32Array(hidden).fill(1e6), ...data) }];
  }
  if (shape.length === 1) {
    if (/(query|key|value)\/bias$/.test(name)) return [name, { shape: [heads, data.length / heads], data }];
    return [name, { shape: /gn\w*\/\w+$/.test(name) ? [1, 1, 1, data.length] : shape, data }];
  }
  // [out, in, …] → […, in, out]
  const [out, input, ...kernel] = shape as [number, number, ...number[]];
  const area = data.length / (out * input);
  const moved = data.map((_, index) => {
    const [toOut, toInput, toKernel] = [index % out, Math.floor(index / out) % input, Math.floor(index / (out * input))];
    return data[(toOut * input + toInput) * area + toKernel]!;
  });
  if (/(query|key|value)\/kernel$/.test(name)) return [name, { shape: [input, heads, out / heads], data: moved }];
  if (name.endsWith("out/kernel")) return [name, { shape: [heads, input / heads, out], data: moved }];
  return [name, { shape: [...kernel, input, out], data: moved }];
}

/** A network's state with the formula's numbers by published names, and a checkpoint with the encoder's. */
function twins(network: TransUNet): { state: StateDict; checkpoint: Map<string, HostTensor> } {
  const checkpoint = new Map<string, HostTensor>();
  const own = network.stateDict();
  const layouts = new Map(network.parameters().map(({ name, layout }) => [name, layout]));
  const state = stateFromPyTorch(network, (name) => {
    const published = publishedTransUNetName(name);
    const found = formulaParameter(published, pytorchShape(own.get(name)!.shape, layouts.get(name) ?? "plain"));
    if (isEncoders(published)) checkpoint.set(...inCheckpoint(published, found));
    return found;
  });
  return { state, checkpoint };
}

describe("pretrainedTransUNetState", () => {
  it("gives the encoder's state alone, and the network computes what it does with the same numbers by published names", () =>
    noLeak(() => {
      const [byName, byCheckpoint] = [1, 1].map((seed) => new TransUNet(small, new Generator(seed))) as [TransUNet, TransUNet];
      const { state, checkpoint } = twins(byName);
      const pretrained = pretrainedTransUNetState(byCheckpoint, (name) => checkpoint.get(name));

      const encoders = [...state.keys()].filter((name) => isEncoders(publishedTransUNetName(name)));
      expect([...pretrained.keys()].sort()).toEqual([...encoders].sort());
      expect(pretrained.size).toBe(checkpoint.size);
      for (const name of encoders) expect(pretrained.get(name), name).toEqual(state.get(name));

      byName.loadStateDict(new Map([...byName.stateDict(), ...encoders.map((name) => [name, state.get(name)!] as const)]));
      byCheckpoint.loadStateDict(new Map([...byCheckpoint.stateDict(), ...pretrained]));
      const image = randomImage([1, 64, 64, 1]);
      expect(run(byCheckpoint, image)).toEqual(run(byName, image));
      for (const disposable of [byName, byCheckpoint, image]) disposable.dispose();
    }));

  it("interpolates the position embeddings to the network's grid", () =>
    noLeak(() => {
      const network = new TransUNet(small, new Generator(1));
      const { checkpoint } = twins(network);
      network.dispose();
      const larger = new TransUNet({ ...small, imageSize: 96 }, new Generator(1));
      const { data } = pretrainedTransUNetState(larger, (name) => checkpoint.get(name)).get("positionEmbeddings")!;
      const embeddings = checkpoint.get("Transformer/posembed_input/pos_embedding")!.data;
      expect(data).toHaveLength(36 * 8);
      // From 4 to 6 with the corners in place, position i is the old 0.6·i. Behind the class token:
      const old = (row: number, column: number): number => embeddings[(1 + row * 4 + column) * 8 + 3]!;
      const at = (row: number, column: number): number => data[(row * 6 + column) * 8 + 3]!;
      expect([at(0, 0), at(0, 5), at(5, 0), at(5, 5), at(0, 1), at(5, 2)]).toBeAllClose(
        [old(0, 0), old(0, 3), old(3, 0), old(3, 3), 0.4 * old(0, 0) + 0.6 * old(0, 1), 0.8 * old(3, 1) + 0.2 * old(3, 2)],
        { absolute: 1e-6 },
      );
      larger.dispose();
    }));

  it("rejects checkpoints of another architecture", () =>
    noLeak(() => {
      const network = new TransUNet(small, new Generator(1));
      const { checkpoint } = twins(network);
      const load = (name: string, array: HostTensor | undefined) => (): unknown =>
        pretrainedTransUNetState(network, (other) => (other === name ? array : checkpoint.get(other)));
      const positions = "Transformer/posembed_input/pos_embedding";
      expect(load("gn_root/scale", undefined)).toThrow(/no array gn_root\/scale/);
      expect(load("embedding/kernel", { shape: [1, 1, 2], data: new Float32Array(2) })).toThrow(
        /embedding\/kernel of shape \[1,1,2\] does not fit patchEmbedding.weight of shape \[1,1,64,8\]/,
      );
      expect(load(positions, { shape: [1, 16, 8], data: new Float32Array(128) })).toThrow(
        /pos_embedding is \[1,16,8\], but \[1, 1 \+ grid², 8\]/,
      );
      expect(load(positions, { shape: [1, 17, 4], data: new Float32Array(68) })).toThrow(/pos_embedding is \[1,17,4\]/);
      network.dispose();
    }));
});

it.each([
  ["resnet.conv.weight", "conv_root/kernel"],
  ["resnet.norm.bias", "gn_root/bias"],
  ["resnet.stages.0.0.projectionNorm.weight", "block1/unit1/gn_proj/scale"],
  ["resnet.stages.2.8.norm3.weight", "block3/unit9/gn3/scale"],
  ["patchEmbedding.bias", "embedding/bias"],
  ["positionEmbeddings", "Transformer/posembed_input/pos_embedding"],
  ["transformer.blocks.11.attention.query.weight", "Transformer/encoderblock_11/MultiHeadDotProductAttention_1/query/kernel"],
  ["transformer.blocks.0.mlpNorm.weight", "Transformer/encoderblock_0/LayerNorm_2/scale"],
  ["transformer.blocks.0.linear2.bias", "Transformer/encoderblock_0/MlpBlock_3/Dense_1/bias"],
  ["transformer.norm.weight", "Transformer/encoder_norm/scale"],
  ["decoder.conv.weight", undefined],
  ["head.bias", undefined],
])("pretrainedTransUNetName(%j) is %j", (name, expected) => {
  expect(pretrainedTransUNetName(name)).toBe(expected);
});
