/**
 * Times inference and a training step of one segmentor on one backend, and prints one JSON line. `bench/segmentors.ts` runs it with
 * {@link SegmentorWork} as argument; `scripts/pytorch/benchmark_segmentors.py` does the same work in PyTorch.
 */
import {
  AdamW,
  countParameters,
  fromPyTorchLayout,
  Generator,
  type Module,
  type ParameterLayout,
  pytorchShape,
  type StateDict,
  type Tensor4D,
  tensor4d,
  tidy,
  valueAndGradients,
} from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";
import {
  createSegmentor,
  prior,
  publishedSegmentor,
  segmentationLoss,
  type SegmentorOptions,
} from "@hidiff/segmentors";
import { formula, formulaParameter, toChannelsLast } from "../test/goldens.ts";

export interface SegmentorWork {
  /** The name that `createSegmentor` knows. */
  readonly network: string;
  readonly options: SegmentorOptions;
  /** Side of the square images. */
  readonly size: number;
  /** Images of a training step; inference is of one image. */
  readonly trainingBatch: number;
  /** Timings that the median is taken of. */
  readonly repetitions: number;
  readonly threads: number;
}

export interface SegmentorTimes {
  /** What computed, such as "PyTorch 2.13". */
  readonly library: string;
  readonly parameters: number;
  /** Of the first training step, from parameters and data that the formula gives. */
  readonly loss: number;
  /** Medians, in milliseconds. */
  readonly inference: number;
  readonly training: number;
}

/** Every parameter and running statistic by the formula, as PyTorch's network has them. */
function stateByFormula(network: Module, publishedName: (name: string) => string): StateDict {
  const layouts = new Map<string, ParameterLayout>(network.parameters().map(({ name, layout }) => [name, layout]));
  return new Map(
    [...network.stateDict()].map(([name, { shape }]) => {
      const layout = layouts.get(name) ?? "plain";
      return [name, fromPyTorchLayout(formulaParameter(publishedName(name), pytorchShape(shape, layout)), layout)];
    }),
  );
}

function image(batch: number): Tensor4D {
  const { size, options } = work;
  const values = formula("input.img", batch * options.imageChannels * size ** 2);
  return tensor4d(toChannelsLast(values, [batch, options.imageChannels, size, size]), [batch, size, size, options.imageChannels]);
}

/** One-hot labels. */
function truth(batch: number): Tensor4D {
  const { size, options } = work;
  const values = new Float32Array(batch * size ** 2 * options.classes);
  formula("input.labels", batch * size ** 2).forEach((value, pixel) => {
    values[pixel * options.classes + Math.floor(((value + 1) / 2) * options.classes)] = 1;
  });
  return tensor4d(values, [batch, size, size, options.classes]);
}

/** The median time of an action that has been warmed up, in milliseconds. */
function milliseconds(action: () => void): number {
  const times = Array.from({ length: work.repetitions }, () => {
    const start = performance.now();
    action();
    return performance.now() - start;
  }).toSorted((a, b) => a - b);
  return (times[Math.floor((times.length - 1) / 2)]! + times[Math.floor(times.length / 2)]!) / 2;
}

const work = JSON.parse(process.argv[2]!) as SegmentorWork;
const { name: backend } = await selectBackend();
const network = createSegmentor(work.network, work.options, new Generator(1));
network.loadStateDict(stateByFormula(network, publishedSegmentor(work.network)!.stateName));

const single = image(1);
const infer = (): void => {
  tidy(() => prior(network.forward(single, { training: false }).logits).dataSync());
};
infer();
const inference = milliseconds(infer);

const images = image(work.trainingBatch);
const y0 = truth(work.trainingBatch);
const parameters = network.parameters();
const optimizer = new AdamW(parameters, { weightDecay: 0.01 });
const step = (): number => {
  const { value, gradients } = valueAndGradients(() => {
    const { logits, deepSupervision } = network.forward(images, { training: true });
    return segmentationLoss({ logits, y0, deepSupervision });
  }, parameters);
  optimizer.step(gradients, 1e-4);
  return value;
};
const loss = step();
const training = milliseconds(step);

const times: SegmentorTimes = { library: backend, parameters: countParameters(network), loss, inference, training };
console.log(JSON.stringify(times));
