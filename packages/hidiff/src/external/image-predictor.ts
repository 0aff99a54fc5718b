import { HidiffError, resizeBilinear, tensor4d, tidy } from "@hidiff/core-tensor";
import type { ImageBatch, MaskPredictor } from "@hidiff/segmentors";
import { axesOf, fromChannelsLast, type Layout, toChannelsLast } from "./image-layout.ts";
import { type ImageModel, type ModelMaps, type ModelShape, showShape } from "./image-model.ts";
import type { ModelOptions, PerChannel } from "./model-options.ts";
import { applyActivation, resolveActivation } from "./output-activation.ts";

/** How an opened model is used. */
interface Plan {
  readonly layout: Layout;
  /** The model's channels: the image's, or 3 for an image of one, which is repeated. */
  readonly channels: number;
  /** Whether the model takes one image at a time. */
  readonly single: boolean;
  readonly factors: Float32Array;
  readonly summands: Float32Array;
}

/**
 * Makes a predictor of an opened model, which is checked as far as it describes itself; the rest is checked when it runs.
 *
 * Images are resized bilinearly to the size that the model takes, if it takes a fixed one, and its probabilities back to
 * theirs, whatever size they have. Of two channels of a binary task the second is taken.
 *
 * @throws HidiffError `onnx.input`, `onnx.output`, `onnx.activation` or, for TensorFlow.js, `tfjs.…`
 */
export function imagePredictor(model: ImageModel, options: ModelOptions): MaskPredictor {
  const plan = makePlan(model, options);
  if (model.outputShape !== undefined) {
    checkOutput(model, options, model.outputShape, plan.layout);
    const channels = model.outputShape[axesOf[plan.layout].channels];
    if (channels !== undefined) resolveActivation(model, options.activation, channels);
  }
  return async (images) => {
    const inputs = prepareInputs(model, plan, options.multipleOf, images);
    const maps: Float32Array[] = [];
    for (const input of inputs) maps.push(probabilities(model, plan, options, await model.run(input), images));
    if (maps.length === 1) return maps[0]!;
    const result = new Float32Array(maps.reduce((sum, { length }) => sum + length, 0));
    maps.forEach((map, index) => result.set(map, index * map.length));
    return result;
  };
}

function makePlan(model: ImageModel, options: ModelOptions): Plan {
  const { imageChannels } = options;
  const shape = model.inputShape ?? [undefined, undefined, undefined, undefined];
  const wrongInput = (reason: string): HidiffError =>
    new HidiffError(`${model.kind}.input`, `${model.name} takes ${showShape(shape)}: ${reason}`);
  if (shape.length !== 4) throw wrongInput("expected four axes, [batch, channels, height, width] or [batch, height, width, channels].");
  const fits = (length: number | undefined): boolean => length === imageChannels || (imageChannels === 1 && length === 3);
  const layout = options.layout === "auto" ? layoutOf(model, shape, fits) : options.layout;
  const channels = shape[axesOf[layout].channels] ?? imageChannels;
  if (!fits(channels)) {
    const expected = imageChannels === 1 ? "1 channel, or 3 equal ones" : `${imageChannels} channels`;
    throw wrongInput(`expected ${expected}, ${layout}, as the images have; give other images, or set the option layout.`);
  }
  const batch = shape[0];
  if (batch !== undefined && batch !== 1) {
    throw wrongInput(`expected a batch of one or of any size, got ${batch}; export the model with such a batch.`);
  }
  const [scale, offset, mean, std] = (["scale", "offset", "mean", "std"] as const).map((name) => {
    const value: PerChannel = options[name];
    if (typeof value === "number") return new Array<number>(channels).fill(value);
    if (value.length === channels) return value;
    throw wrongInput(`the option ${name} has ${value.length} numbers; give one, or one for each of the ${channels} channels.`);
  }) as [number[], number[], number[], number[]];
  return {
    layout,
    channels,
    single: batch === 1,
    factors: Float32Array.from(scale, (value, c) => value / std[c]!),
    summands: Float32Array.from(offset, (value, c) => (value - mean[c]!) / std[c]!),
  };
}

/** Channels are where the image's number of them is, and no other axis could be. */
function layoutOf({ kind }: ImageModel, shape: ModelShape, fits: (length: number | undefined) => boolean): Layout {
  const [first, last] = [fits(shape[1]), fits(shape[3])];
  if (first !== last) return first ? "channels-first" : "channels-last";
  return kind === "onnx" ? "channels-first" : "channels-last";
}

/** The model's inputs for images: one for all of them, or one each. */
function prepareInputs({ inputShape }: ImageModel, plan: Plan, multipleOf: number, images: ImageBatch): ModelMaps[] {
  const { batch, height, width, channels, data } = images;
  const axes = axesOf[plan.layout];
  const sizeOf = (axis: number, side: number): number => inputShape?.[axis] ?? Math.ceil(side / multipleOf) * multipleOf;
  const size = [sizeOf(axes.height, height), sizeOf(axes.width, width)] as const;
  const resized = resize({ shape: [batch, height, width, channels], data }, size);
  const input = new Float32Array(batch * size[0] * size[1] * plan.channels);
  for (let i = 0; i < input.length; i++) {
    const channel = i % plan.channels;
    const value = resized.data[channels === plan.channels ? i : Math.floor(i / plan.channels)]!;
    input[i] = value * plan.factors[channel]! + plan.summands[channel]!;
  }
  const count = plan.single ? batch : 1;
  const length = input.length / count;
  return Array.from({ length: count }, (_, index) => {
    const part = { shape: [batch / count, ...size, plan.channels], data: input.subarray(index * length, (index + 1) * length) };
    return fromChannelsLast(part, plan.layout);
  });
}

/** The model's output as probabilities `[batch, height, width, classes]` of the images' size. */
function probabilities(
  model: ImageModel,
  { layout }: Plan,
  options: ModelOptions,
  output: ModelMaps,
  { height, width }: ImageBatch,
): Float32Array {
  checkOutput(model, options, output.shape, layout);
  const { shape, data } = toChannelsLast(output, layout);
  const channels = shape[3]!;
  const values = data.slice(); // the runtime's memory
  applyActivation(values, channels, resolveActivation(model, options.activation, channels));
  const taken = channels === options.classes ? values : values.filter((_, index) => index % channels === 1);
  return resize({ shape: [...shape.slice(0, 3), options.classes], data: taken }, [height, width]).data;
}

function checkOutput({ kind, name }: ImageModel, { classes }: ModelOptions, shape: ModelShape, layout: Layout): void {
  const channels = shape[axesOf[layout].channels];
  if (shape.length === 4 && (channels === undefined || channels === classes || (classes === 1 && channels === 2))) return;
  const expected =
    classes === 1 ? "one channel, or two of which the second is the object's" : `${classes} channels, one a class with the background`;
  const advice = shape.length === 4 ? "choose another output, or set the option layout" : "export the model with such an output, or choose another";
  throw new HidiffError(`${kind}.output`, `${name} gives ${showShape(shape)}: expected four axes, ${layout}, and ${expected}; ${advice}.`);
}

function resize(maps: ModelMaps, size: readonly [number, number]): ModelMaps {
  const [batch, height, width, channels] = maps.shape as [number, number, number, number];
  if (height === size[0] && width === size[1]) return maps;
  const result = new Float32Array(batch * size[0] * size[1] * channels);
  tidy(() => result.set(resizeBilinear(tensor4d(maps.data, [batch, height, width, channels]), size).dataSync()));
  return { shape: [batch, ...size, channels], data: result };
}
