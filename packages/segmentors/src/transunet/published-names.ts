import { publishedName, type PublishedPrefix } from "../published-names.ts";

const hybrid = "transformer.embeddings.hybrid_model";

const prefixes: readonly PublishedPrefix[] = [
  [/^positionEmbeddings$/, () => "transformer.embeddings.position_embeddings"],
  [/^patchEmbedding\./, () => "transformer.embeddings.patch_embeddings."],
  [/^resnet\.conv\./, () => `${hybrid}.root.conv.`],
  [/^resnet\.norm\./, () => `${hybrid}.root.gn.`],
  [/^resnet\.stages\.(\d)\.(\d+)\./, (stage, unit) => `${hybrid}.body.block${stage! + 1}.unit${unit! + 1}.`],
  [/^transformer\.norm\./, () => "transformer.encoder.encoder_norm."],
  [/^transformer\.blocks\.(\d+)\.attention\./, (layer) => `transformer.encoder.layer.${layer}.attn.`],
  [/^transformer\.blocks\.(\d+)\.(?=linear)/, (layer) => `transformer.encoder.layer.${layer}.ffn.`],
  [/^transformer\.blocks\.(\d+)\./, (layer) => `transformer.encoder.layer.${layer}.`],
  [/^decoder\.conv\./, () => "decoder.conv_more.0."],
  [/^decoder\.norm\./, () => "decoder.conv_more.1."],
  [/^decoder\.blocks\.(\d)\.conv([12])\./, (block, index) => `decoder.blocks.${block}.conv${index}.0.`],
  [/^decoder\.blocks\.(\d)\.norm([12])\./, (block, index) => `decoder.blocks.${block}.conv${index}.1.`],
  [/^head\./, () => "segmentation_head.0."],
];

const parts = {
  norm1: "gn1",
  norm2: "gn2",
  norm3: "gn3",
  projection: "downsample",
  projectionNorm: "gn_proj",
  attentionNorm: "attention_norm",
  output: "out",
  mlpNorm: "ffn_norm",
  linear1: "fc1",
  linear2: "fc2",
};

/**
 * The name in the published PyTorch TransUNet of one of {@link TransUNet}'s state names. With `stateFromPyTorch`, which
 * converts the layouts, it imports a checkpoint.
 *
 * @throws HidiffError `segmentor.state` for a name that is not a TransUNet's
 */
export function publishedTransUNetName(name: string): string {
  return publishedName(name, { network: "a TransUNet", prefixes, parts });
}
