import {
  add,
  type Generator,
  GroupNorm,
  maxPool3,
  Module,
  ModuleList,
  pad,
  relu,
  StandardizedConv2d,
  type Tensor4D,
  tidy,
} from "@hidiff/core-tensor";

/** Of all group normalizations but a projection's. */
const epsilon = 1e-6;

interface ResNetOptions {
  readonly inChannels: number;
  /** Channels at stride 2. */
  readonly width: number;
  /** Bottleneck units of the three stages. */
  readonly units: readonly number[];
}

/**
 * The ResNet of hybrid vision transformers (Kolesnikov et al. 2020, "Big Transfer"; Dosovitskiy et al. 2021):
 * standardized convolutions and group normalization. A 7×7 convolution with stride 2, max-pooling, and three stages of
 * bottleneck units with 4, 8 and 16 times `width` channels.
 */
export class ResNet extends Module {
  /** Channels of the maps at strides 2, 4, 8 and 16. */
  readonly channels: readonly [number, number, number, number];
  readonly #conv: StandardizedConv2d;
  readonly #norm: GroupNorm;
  readonly #stages: ModuleList<ModuleList<Bottleneck>>;

  constructor({ inChannels, width, units }: ResNetOptions, generator: Generator) {
    super();
    this.channels = [width, 4 * width, 8 * width, 16 * width];
    const root = { inChannels, outChannels: width, kernelSize: 7, stride: 2 };
    this.#conv = this.addChild("conv", new StandardizedConv2d(root, generator));
    this.#norm = this.addChild("norm", new GroupNorm(width, { epsilon }));
    const stage = (count: number, index: number): ModuleList<Bottleneck> => {
      const outChannels = this.channels[index + 1]!;
      return new ModuleList(
        Array.from({ length: count }, (_, unit) => {
          const first = unit === 0;
          const stride = first && index > 0 ? 2 : 1;
          return new Bottleneck({ inChannels: first ? this.channels[index]! : outChannels, outChannels, stride }, generator);
        }),
      );
    };
    this.#stages = this.addChild("stages", new ModuleList(units.map(stage)));
  }

  /**
   * Maps at strides 2, 4, 8 and 16 of `[batch, height, width, inChannels]` with sides that are multiples of 32. The max-pooling
   * has no padding and loses a row and a column; the map at stride 4 is returned with zeros in their place, and goes on
   * without them.
   */
  forward(image: Tensor4D): [Tensor4D, Tensor4D, Tensor4D, Tensor4D] {
    return tidy(() => {
      const half = relu(this.#norm.forward(this.#conv.forward(image)));
      let map = maxPool3(half);
      const [quarter, eighth, sixteenth] = this.#stages.items.map((stage) => {
        for (const unit of stage.items) map = unit.forward(map);
        return map;
      }) as [Tensor4D, Tensor4D, Tensor4D];
      return [half, padToEven(quarter), eighth, sixteenth];
    });
  }
}

interface BottleneckOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: 1 | 2;
}

/** Convolutions 1×1, 3×3 (with the stride) and 1×1, each normalized, and a sum with the (projected) input; ReLU after each. */
class Bottleneck extends Module {
  readonly #conv1: StandardizedConv2d;
  readonly #norm1: GroupNorm;
  readonly #conv2: StandardizedConv2d;
  readonly #norm2: GroupNorm;
  readonly #conv3: StandardizedConv2d;
  readonly #norm3: GroupNorm;
  readonly #projection: StandardizedConv2d | undefined;
  readonly #projectionNorm: GroupNorm | undefined;
  readonly #stride: 1 | 2;

  constructor({ inChannels, outChannels, stride }: BottleneckOptions, generator: Generator) {
    super();
    const middle = outChannels / 4;
    const conv = (name: string, from: number, to: number, kernelSize: number, step: number): StandardizedConv2d =>
      this.addChild(name, new StandardizedConv2d({ inChannels: from, outChannels: to, kernelSize, stride: step }, generator));
    const norm = (name: string, channels: number): GroupNorm => this.addChild(name, new GroupNorm(channels, { epsilon }));
    this.#conv1 = conv("conv1", inChannels, middle, 1, 1);
    this.#norm1 = norm("norm1", middle);
    this.#conv2 = conv("conv2", middle, middle, 3, stride);
    this.#norm2 = norm("norm2", middle);
    this.#conv3 = conv("conv3", middle, outChannels, 1, 1);
    this.#norm3 = norm("norm3", outChannels);
    if (stride !== 1 || inChannels !== outChannels) {
      this.#projection = conv("projection", inChannels, outChannels, 1, stride);
      this.#projectionNorm = this.addChild("projectionNorm", new GroupNorm(outChannels, { groups: outChannels }));
    }
    this.#stride = stride;
  }

  forward(input: Tensor4D): Tensor4D {
    return tidy(() => {
      // Zeros after an odd side are the zeros that a strided convolution pads with, or are never read. They come right
      // before it, since the normalizations must not see them.
      const strided = (map: Tensor4D): Tensor4D => (this.#stride === 1 ? map : padToEven(map));
      const narrow = relu(this.#norm1.forward(this.#conv1.forward(input)));
      const middle = relu(this.#norm2.forward(this.#conv2.forward(strided(narrow))));
      const wide = this.#norm3.forward(this.#conv3.forward(middle));
      const shortcut = this.#projectionNorm?.forward(this.#projection!.forward(strided(input))) ?? input;
      return relu(add(shortcut, wide) as Tensor4D);
    });
  }
}

/** Zeros at the bottom and right, where a side is odd. */
function padToEven(map: Tensor4D): Tensor4D {
  const [, height, width] = map.shape;
  if (height % 2 === 0 && width % 2 === 0) return map;
  return pad(map, [
    [0, 0],
    [0, height % 2],
    [0, width % 2],
    [0, 0],
  ]);
}
