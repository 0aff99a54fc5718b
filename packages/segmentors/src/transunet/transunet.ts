import {
  add,
  avgPool2,
  concat,
  constantTensor,
  Conv2d,
  type Generator,
  type Mode,
  reshape,
  type Tensor3D,
  type Tensor4D,
  tidy,
  type Variable,
} from "@hidiff/core-tensor";
import { requireImage } from "../image-size.ts";
import { SegmentorModule, type SegmentorOutput } from "../segmentor.ts";
import { Decoder } from "./decoder.ts";
import { readTransUNetOptions, type TransUNetOptions } from "./options.ts";
import { resizePositionEmbeddings } from "./position-embeddings.ts";
import { ResNet } from "./resnet.ts";
import { Transformer } from "./transformer.ts";

/**
 * TransUNet (Chen et al. 2021): a ResNet down to stride 16, a vision transformer on its last map, and a decoder that doubles
 * the map four times and takes the ResNet's maps as skips. There is no dropout.
 *
 * Feature maps: the decoder's blocks at strides 4 and 8, the map that it starts from at stride 16, and its 2×2 average.
 *
 * @throws HidiffError `segmentor.option`
 */
export class TransUNet extends SegmentorModule {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];
  readonly options: Required<TransUNetOptions>;
  readonly #resnet: ResNet;
  readonly #patchEmbedding: Conv2d;
  /** `[1, grid², hiddenSize]`, row-major over the square grid of `imageSize`. */
  readonly #positionEmbeddings: Variable;
  readonly #transformer: Transformer;
  readonly #decoder: Decoder;
  readonly #head: Conv2d;

  constructor(options: TransUNetOptions, generator: Generator) {
    super();
    this.options = readTransUNetOptions(options);
    const { imageChannels, classes, hiddenSize, widthFactor, resnetUnits, decoderChannels, skips, imageSize } = this.options;
    this.imageChannels = imageChannels;
    this.classes = classes;

    const inChannels = imageChannels === 1 ? 3 : imageChannels;
    this.#resnet = this.addChild("resnet", new ResNet({ inChannels, width: 64 * widthFactor, units: resnetUnits }, generator));
    const [half, quarter, eighth, sixteenth] = this.#resnet.channels;
    this.#patchEmbedding = this.addChild(
      "patchEmbedding",
      new Conv2d({ inChannels: sixteenth, outChannels: hiddenSize, kernelSize: 1 }, generator),
    );
    this.#positionEmbeddings = this.addParameter("positionEmbeddings", constantTensor([1, (imageSize / 16) ** 2, hiddenSize], 0));
    this.#transformer = this.addChild("transformer", new Transformer(this.options, generator));
    const skipChannels = [eighth, quarter, half].slice(0, skips);
    this.#decoder = this.addChild("decoder", new Decoder({ hiddenSize, channels: decoderChannels, skipChannels }, generator));
    const [at16, at8, at4, , at1] = this.#decoder.channels as [number, number, number, number, number];
    this.#head = this.addChild("head", new Conv2d({ inChannels: at1, outChannels: classes }, generator));
    this.featureChannels = [at4, at8, at16, at16];
  }

  forward(image: Tensor4D, mode: Mode): SegmentorOutput {
    requireImage("TransUNet", image, this.imageChannels);
    return tidy(() => {
      const input = this.imageChannels === 1 ? concat([image, image, image], 3) : image;
      const [half, quarter, eighth, sixteenth] = this.#resnet.forward(input);
      const skips = [eighth, quarter, half].slice(0, this.options.skips);
      const [at16, at8, at4, , at1] = this.#decoder.forward(this.#encode(sixteenth), skips, mode) as [
        Tensor4D,
        Tensor4D,
        Tensor4D,
        Tensor4D,
        Tensor4D,
      ];
      return { logits: this.#head.forward(at1), features: [at4, at8, at16, avgPool2(at16)] };
    });
  }

  /** The transformer's output on the ResNet's last map, a pixel a token; `[batch, height, width, hiddenSize]`. */
  #encode(map: Tensor4D): Tensor4D {
    const embedded = this.#patchEmbedding.forward(map);
    const [batch, height, width, channels] = embedded.shape;
    const tokens = reshape(embedded, [batch, height * width, channels]);
    const positions = resizePositionEmbeddings(this.#positionEmbeddings, [height, width]);
    const encoded = this.#transformer.forward(add(tokens, positions) as Tensor3D);
    return reshape(encoded, [batch, height, width, channels]);
  }
}
