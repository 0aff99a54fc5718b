import type { HostTensor } from "@hidiff/core-tensor";
import { publishedAttentionUNetName } from "./attention-unet/published-names.ts";
import { publishedAttentionUNetOptions } from "./attention-unet/published-options.ts";
import type { PublishedShapes } from "./published-shapes.ts";
import { publishedResidualUNetName } from "./residual-unet/published-names.ts";
import { publishedResidualUNetOptions } from "./residual-unet/published-options.ts";
import { publishedSwinUNetName } from "./swin-unet/published-names.ts";
import { publishedSwinUNetOptions } from "./swin-unet/published-options.ts";
import { pretrainedTransUNetArray, pretrainedTransUNetName } from "./transunet/pretrained.ts";
import { publishedTransUNetName } from "./transunet/published-names.ts";
import { pretrainedTransUNetOptions, publishedTransUNetOptions } from "./transunet/published-options.ts";
import { publishedUNetName } from "./unet/published-names.ts";
import { publishedUNetOptions } from "./unet/published-options.ts";

/** How a network's state in PyTorch relates to ours: what is needed to load checkpoints of others, and to write ours for them. */
export interface PublishedNetwork {
  /** The name in PyTorch of one of our state names. */
  stateName(name: string): string;
  /** A name that every checkpoint of the network has: what stands before it in a file is a prefix of all names. */
  readonly anchor: string;
  /**
   * The options of the network that a checkpoint is of. Those that its shapes do not tell, and that have no default, are
   * undefined.
   *
   * @throws HidiffError `weights.names` where the arrays that tell are missing or of another kind
   */
  optionsFrom(shapes: PublishedShapes): Record<string, unknown>;
  /** Names of a checkpoint's arrays that have no effect on what it computes: constants, and copies of others. */
  readonly unneeded?: RegExp;
  /** How checkpoints relate to it that hold only a part of the network, trained for something else. */
  readonly pretrained?: PretrainedNetwork;
}

/** A checkpoint of a part of a network, in a `.npz` file. */
export interface PretrainedNetwork {
  /** The name there of one of our state names; undefined for what is not there. */
  stateName(name: string): string | undefined;
  /** An array of the checkpoint for one of our state names, of our shape. Throws HidiffError `state.mismatch`. */
  array(name: string, shape: readonly number[], found: HostTensor): HostTensor;
  /** As {@link PublishedNetwork.optionsFrom}. */
  optionsFrom(shapes: PublishedShapes): Record<string, unknown>;
}

const networks: ReadonlyMap<string, PublishedNetwork> = new Map<string, PublishedNetwork>([
  ["unet", { stateName: publishedUNetName, anchor: "inc.double_conv.0.weight", optionsFrom: publishedUNetOptions }],
  ["attention-unet", { stateName: publishedAttentionUNetName, anchor: "Conv1.conv.0.weight", optionsFrom: publishedAttentionUNetOptions }],
  [
    "residual-unet",
    {
      stateName: publishedResidualUNetName,
      anchor: "decoder.seg_layers.0.weight",
      optionsFrom: publishedResidualUNetOptions,
      // Checkpoints hold the encoder a second time, within the decoder, and every block's layers in a list of all.
      unneeded: /^decoder\.encoder\.|\.all_modules\./,
    },
  ],
  [
    "transunet",
    {
      stateName: publishedTransUNetName,
      anchor: "transformer.embeddings.patch_embeddings.weight",
      optionsFrom: publishedTransUNetOptions,
      pretrained: { stateName: pretrainedTransUNetName, array: pretrainedTransUNetArray, optionsFrom: pretrainedTransUNetOptions },
    },
  ],
  [
    "swin-unet",
    {
      stateName: publishedSwinUNetName,
      anchor: "swin_unet.patch_embed.proj.weight",
      optionsFrom: publishedSwinUNetOptions,
      unneeded: /\.(relative_position_index|attn_mask)$/,
    },
  ],
]);

/** The published form of a segmentor, by the name that `createSegmentor` knows; undefined for those that have none. */
export function publishedSegmentor(name: string): PublishedNetwork | undefined {
  return networks.get(name);
}
