import {
  add,
  assignHost,
  gelu,
  type Generator,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  MultiHeadAttention,
  normalTensor,
  type Tensor,
  type Tensor3D,
  tidy,
} from "@hidiff/core-tensor";

const epsilon = 1e-6;

interface TransformerOptions {
  readonly hiddenSize: number;
  readonly mlpSize: number;
  readonly heads: number;
  readonly layers: number;
}

/** The encoder of a vision transformer (Dosovitskiy et al. 2021), blocks and a normalization: `[batch, tokens, hiddenSize]`. */
export class Transformer extends Module {
  readonly #blocks: ModuleList<TransformerBlock>;
  readonly #norm: LayerNorm;

  constructor(options: TransformerOptions, generator: Generator) {
    super();
    const blocks = Array.from({ length: options.layers }, () => new TransformerBlock(options, generator));
    this.#blocks = this.addChild("blocks", new ModuleList(blocks));
    this.#norm = this.addChild("norm", new LayerNorm(options.hiddenSize, { epsilon }));
  }

  forward(tokens: Tensor3D): Tensor3D {
    return tidy(() => {
      const encoded = this.#blocks.items.reduce((previous, block) => block.forward(previous), tokens);
      return this.#norm.forward(encoded) as Tensor3D;
    });
  }
}

/** Self-attention and a two-layer perceptron, each of normalized tokens and added to them. */
class TransformerBlock extends Module {
  readonly #attentionNorm: LayerNorm;
  readonly #attention: MultiHeadAttention;
  readonly #mlpNorm: LayerNorm;
  readonly #linear1: Linear;
  readonly #linear2: Linear;

  constructor({ hiddenSize, mlpSize, heads }: TransformerOptions, generator: Generator) {
    super();
    this.#attentionNorm = this.addChild("attentionNorm", new LayerNorm(hiddenSize, { epsilon }));
    this.#attention = this.addChild("attention", new MultiHeadAttention({ channels: hiddenSize, heads }, generator));
    this.#mlpNorm = this.addChild("mlpNorm", new LayerNorm(hiddenSize, { epsilon }));
    this.#linear1 = this.addChild("linear1", xavierLinear(hiddenSize, mlpSize, generator));
    this.#linear2 = this.addChild("linear2", xavierLinear(mlpSize, hiddenSize, generator));
  }

  forward(tokens: Tensor3D): Tensor3D {
    return tidy(() => {
      const attended = add(tokens, this.#attention.forward(this.#attentionNorm.forward(tokens) as Tensor3D)) as Tensor;
      const hidden = gelu(this.#linear1.forward(this.#mlpNorm.forward(attended)));
      return add(attended, this.#linear2.forward(hidden)) as Tensor3D;
    });
  }
}

/** Xavier-uniform weights (Glorot & Bengio 2010) and tiny biases, as the published code draws them. */
function xavierLinear(inFeatures: number, outFeatures: number, generator: Generator): Linear {
  const linear = new Linear({ inFeatures, outFeatures, initialization: "zero" }, generator);
  const bound = Math.sqrt(6 / (inFeatures + outFeatures));
  const data = generator.uniformArray(inFeatures * outFeatures, -bound, bound);
  assignHost(linear.weight, { shape: [inFeatures, outFeatures], data });
  assignHost(linear.bias!, normalTensor([outFeatures], 1e-6, generator));
  return linear;
}
