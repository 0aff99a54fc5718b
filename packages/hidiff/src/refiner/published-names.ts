/** From our state names to the published network's: one rewriting a line, applied in order. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/^timeEmbedding\.inner/, "time_embed.0"],
  [/^timeEmbedding\.outer/, "time_embed.2"],
  [/^stem/, "input_conv"],
  [/^encoder(\d)/, "block$1_conv"],
  [/^down(\d)/, "block$1_down"],
  [/^concat3/, "concat1"],
  [/^concat4/, "concat2"],
  [/^concat5/, "concat3"],
  [/^middle(\d)/, "middle_block$1"],
  [/^up5\./, "up_block1_up."],
  [/^up4\./, "up_block2_up."],
  [/^up3\./, "up_block3_up."],
  [/^up2\./, "up_block4_up."],
  [/^up1\./, "up_block5_up."],
  [/^decoder5/, "up_block1_conv"],
  [/^decoder4/, "up_block2_conv"],
  [/^decoder3/, "up_block3_conv"],
  [/^decoder2/, "up_block4_conv"],
  [/^decoder1/, "up_block5_conv"],
  [/^headNorm/, "out.0"],
  [/^headConvolution/, "out.2"],
  [/^crossTransformer\./, "cross1."],

  // Condition blocks
  [/(^|\.)condition\./, "$1condition_conv."],
  [/inNorm/, "in_layers.0"],
  [/inConvolution/, "in_layers.2"],
  [/(condition_conv\.)embedding\b/, "$1emb_layers.1"],
  [/outNorm/, "out_layers.0"],
  [/outConvolution/, "out_layers.2"],
  [/(condition_conv\.)skip/, "$1skip_connection"],

  // Cross-transformer
  [/conditionNorm(\d)/, "norm_condition$1"],
  [/embeddingNorm(\d)/, "norm_embedding$1"],
  [/block(\d)\.(query|key|value)\.unit\.binarization\.shift\.linear/, "cross_attention$1.move<$2>1.1"],
  [/block(\d)\.(query|key|value)\.unit\.dense/, "cross_attention$1.$21"],
  [/block(\d)\.(query|key|value)\.unit\.norm/, "cross_attention$1.norm<$2>1"],
  [/block(\d)\.(query|key|value)\.unit\.activation/, "cross_attention$1.rprelu<$2>1"],
  [/block(\d)\.(query|key|value)\.binarization\.shift\.linear/, "cross_attention$1.move<$2>2.1"],
  [/<(.)[a-z]*>/, "$1"],
  [/block(\d)\.contextNorm/, "cross_attention$1.norm_context"],
  [/block(\d)\.contextActivation/, "cross_attention$1.rprelu_context"],
  [/block(\d)\.output\./, "layerscale$1."],
  [/block(\d)\.outputScale/, "layerscale$1.layerscale"],
  [/block(\d)\.feedForward\.norm/, "fnn$1.layernorm_after"],
  [/block(\d)\.feedForward\.expansion/, "fnn$1.intermediate"],
  [/block(\d)\.feedForward\.contraction/, "fnn$1.output"],
  [/block(\d)\.feedForward\.scale/, "fnn$1.output.layerscale"],
  [/block(\d)\.feedForward\.pooledHeight(\d)/, "fnn$1.layerscale_h$2"],
  [/block(\d)\.feedForward\.pooledWidth(\d)/, "fnn$1.layerscale_w$2"],
  [/((?:layerscale\d|intermediate|output)\.)binarization\.shift\.linear/, "$1move.1"],
  [/((?:layerscale\d|intermediate|output)\.)activation/, "$1rprelu"],
  [/(rprelu\w*\.)before\.linear/, "$1move1.1"],
  [/(rprelu\w*\.)slope/, "$1prelu.weight"],
  [/(rprelu\w*\.)after\.linear/, "$1move2.1"],
  [/\.(alpha|move)\.linear/, ".$1.1"],

  // Convolution blocks
  [/(^|\.)block\./, "$1"],
  [/binarization\.shift\.linear/, "move1.bias.1"],
  [/(^|\.)convolutions?\b/, "$1binary_3x3"],
  [/(^|\.)norms?\b(?!_)/, "$1@bn"],
  [/activation\.before\.linear/, "move2.bias.1"],
  [/activation\.slope/, "prelu.weight"],
  [/activation\.after\.linear/, "move3.bias.1"],

  [/runningMean/, "running_mean"],
  [/runningVariance/, "running_var"],
];

/**
 * The name that a parameter or buffer of the {@link Refiner} (or, without its prefix, of the `CrossTransformer`) has in
 * the published PyTorch network, so that its checkpoints can be loaded.
 */
export function publishedRefinerName(name: string): string {
  let result = name;
  for (const [pattern, replacement] of rules) result = result.replace(pattern, replacement);
  // Only the convolution blocks call their normalization "bn"; inside the cross-transformer it stays "norm".
  return /layerscale\d\.|fnn\d\./.test(result) ? result.replace("@bn", "norm") : result.replace("@bn", "bn");
}
