import { BinaryConv2d, type Precision, TimeActivation, TimeBinarization } from "../src/index.ts";
import {
  add,
  BatchNorm,
  currentBackend,
  Generator,
  mean,
  Module,
  type Scalar,
  square,
  tensor,
  type Tensor,
  type Tensor4D,
  tidy,
  valueAndGradients,
} from "@hidiff/core-tensor";

interface Benchmark {
  readonly name: string;
  run(): Promise<Record<string, number | string>>;
}

const embeddingChannels = 128;

/** A residual block of a refiner: `TA(BN(conv(TB(u))) + u)`. */
class Block extends Module {
  readonly binarization: TimeBinarization;
  readonly convolution: BinaryConv2d;
  readonly norm: BatchNorm;
  readonly activation: TimeActivation;

  constructor(channels: number, precision: Precision, generator: Generator) {
    super();
    const options = { channels, embeddingChannels, precision };
    this.binarization = this.addChild("binarization", new TimeBinarization(options, generator));
    this.convolution = this.addChild("convolution", new BinaryConv2d({ inChannels: channels, outChannels: channels, precision }, generator));
    this.norm = this.addChild("norm", new BatchNorm(channels));
    this.activation = this.addChild("activation", new TimeActivation(options, generator));
  }

  forward(input: Tensor4D, activatedEmbedding: Tensor): Tensor4D {
    const time = { activatedEmbedding };
    const convolved = this.convolution.forward(this.binarization.forward(input, time));
    return this.activation.forward(add(this.norm.forward(convolved, { training: true }), input), time);
  }
}

/** Median milliseconds of a block's forward pass alone and of a training step's forward and backward pass. */
function time(precision: Precision, [batch, height, width, channels]: readonly [number, number, number, number]): { forward: number; step: number } {
  const generator = new Generator("benchmark");
  const block = new Block(channels, precision, generator);
  const image = generator.uniformArray(batch * height * width * channels, -1, 1);
  const embedding = generator.uniformArray(batch * embeddingChannels, -1, 1);
  const run = (): Scalar => {
    const output = block.forward(tensor(image, [batch, height, width, channels]), tensor(embedding, [batch, embeddingChannels]));
    return mean(square(output));
  };
  const forward = median(() => {
    tidy(() => void run().dataSync());
  });
  const step = median(() => {
    valueAndGradients(run, block.parameters());
  });
  block.dispose();
  return { forward, step };
}

function median(action: () => void): number {
  action();
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    action();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[2]!;
}

function benchmark(shape: readonly [number, number, number, number]): Benchmark {
  return {
    name: `binary residual block against its real-valued counterpart, [${shape}]`,
    run: async () => {
      const [binary, real] = [time("binary", shape), time("real", shape)];
      return {
        backend: currentBackend(),
        binaryForwardMilliseconds: binary.forward,
        binaryStepMilliseconds: binary.step,
        forwardRatio: binary.forward / real.forward,
        stepRatio: binary.step / real.step,
      };
    },
  };
}

/** What binarization costs in training on the current backend, as a ratio of times. */
export const benchmarks: readonly Benchmark[] = [benchmark([4, 64, 64, 32]), benchmark([4, 16, 16, 64])];
