import { withDecisionHook } from "@hidiff/binary-nn";
import {
  cast,
  Generator,
  gradientNorm,
  greater,
  type HostTensor,
  type Module,
  mul,
  pytorchShape,
  type Scalar,
  sigmoid,
  silu,
  softmax,
  stateFromPyTorch,
  sum,
  type Tensor,
  tensor,
  type Tensor4D,
  tidy,
  transpose,
  valueAndGradients,
} from "@hidiff/core-tensor";
import { formula, formulaParameter, toChannelsLast } from "../../../../test/goldens.ts";
import { CrossTransformer } from "./cross-transformer.ts";
import { publishedRefinerName } from "./published-names.ts";
import { Refiner, type RefinerInputs } from "./refiner.ts";

export type GoldenMode = "eval" | "train";

/** What the published network decided. */
export interface GoldenDecisions {
  /** 0 or 1 for element `element` (published row-major order) of decision `index`, or undefined where it is not recorded. */
  recorded(index: number, element: number): number | undefined;
}

/** The size of a refiner golden. */
export interface RefinerGoldenConfiguration {
  readonly K: number;
  readonly img_channels: number;
  readonly size: number;
  readonly condition_dims: readonly [number, number, number, number];
  readonly model_channels: number;
  readonly batch: number;
  readonly timesteps: readonly number[];
}

/** The size of a cross-transformer golden. */
export interface CrossGoldenConfiguration {
  readonly condition_channels: number;
  readonly width: number;
  readonly embedding_channels: number;
  readonly tokens: readonly [number, number];
  readonly batch: number;
}

/** A network with the goldens' parameters, applied to the goldens' inputs. */
export interface GoldenSubject {
  readonly module: Module;
  /** The output in the published layout. */
  forward(mode: GoldenMode): Tensor;
}

export function refinerSubject(configuration: RefinerGoldenConfiguration, precision: "binary" | "real"): GoldenSubject & { readonly module: Refiner } {
  const module = new Refiner(
    {
      imageChannels: configuration.img_channels,
      classes: configuration.K,
      featureChannels: configuration.condition_dims,
      baseWidth: configuration.model_channels,
      precision,
      tokenOrder: "published",
    },
    new Generator(0),
  );
  loadFormula(module);
  return {
    module,
    forward: (mode) => transpose(module.forward(refinerInputs(configuration), { training: mode === "train" }), [0, 3, 1, 2]),
  };
}

export function crossSubject(configuration: CrossGoldenConfiguration, precision: "binary" | "real"): GoldenSubject {
  const { condition_channels: featureChannels, width: channels, embedding_channels: embeddingChannels } = configuration;
  const module = new CrossTransformer(
    { channels, featureChannels, embeddingChannels, precision, tokenOrder: "published" },
    new Generator(0),
  );
  loadFormula(module);
  const { batch, tokens: size } = configuration;
  return {
    module,
    forward: (mode) => {
      const embedding = formulaMap("cross.embedding", [batch, channels, ...size]);
      const feature = formulaMap("cross.condition", [batch, featureChannels, ...size]);
      const time = tensor(formula("cross.emb", batch * embeddingChannels), [batch, embeddingChannels]);
      return module.tokens(embedding, feature, { activatedEmbedding: silu(time) }, { training: mode === "train" });
    },
  };
}

/** Fills a module by the goldens' formula. */
function loadFormula(module: Module): void {
  const shapes = publishedShapes(module);
  const find = (name: string): HostTensor => formulaParameter(publishedRefinerName(name), shapes.get(publishedRefinerName(name))!);
  module.loadStateDict(stateFromPyTorch(module, find));
}

/** The published shapes of a module's parameters and buffers by published name. */
export function publishedShapes(module: Module): Map<string, readonly number[]> {
  return new Map([
    ...module.parameters().map(({ name, variable, layout }) => [publishedRefinerName(name), pytorchShape(variable.shape, layout)] as const),
    ...module.buffers().map(({ name, variable }) => [publishedRefinerName(name), variable.shape] as const),
  ]);
}

/** An input by the formula, from channels first to channels last. */
function formulaMap(name: string, shape: readonly [number, number, number, number], scale: (u: number) => number = (u) => u): Tensor4D {
  const [batch, channels, height, width] = shape;
  const values = formula(name, batch * channels * height * width).map(scale);
  return tensor(toChannelsLast(values, shape), [batch, height, width, channels]) as Tensor4D;
}

/** The inputs of a refiner golden. */
export function refinerInputs(configuration: RefinerGoldenConfiguration): RefinerInputs {
  const { batch, size, K: classes, img_channels: imageChannels, condition_dims: featureChannels, timesteps: t } = configuration;
  const logits = formulaMap("input.logits", [batch, classes, size, size], (u) => 3 * u);
  const features = featureChannels.map((channels, level) => {
    const side = size / (4 << level);
    return formulaMap(`input.feature${level}`, [batch, channels, side, side]);
  });
  return {
    image: formulaMap("input.img", [batch, imageChannels, size, size]),
    yt: formulaMap("input.y_t", [batch, classes, size, size], (u) => (u > 0 ? 1 : 0)),
    prior: classes === 1 ? sigmoid(logits) : softmax(logits),
    features: features as unknown as RefinerInputs["features"],
    t,
  };
}

/** What one pass gives: the output, row-major in the published layout, and in training mode the norm of every gradient. */
interface GoldenRun {
  readonly output: Float32Array;
  /** By published name; of `sum(output · weights)` with weights by the formula. */
  readonly gradientNorms: ReadonlyMap<string, number>;
}

/** Runs a subject with the golden decisions; `onNear` learns of every decision within 1e-4 of its threshold. */
export function runGolden(
  { module, forward }: GoldenSubject,
  mode: GoldenMode,
  decisions: GoldenDecisions,
  onNear?: (index: number, element: number) => void,
): GoldenRun {
  let output = new Float32Array();
  const run = (): Tensor => {
    const result = forward(mode);
    output = Float32Array.from(result.dataSync());
    return result;
  };
  if (mode === "eval") {
    withGoldenDecisions(decisions, () => void tidy(run), onNear);
    return { output, gradientNorms: new Map() };
  }
  const parameters = module.parameters();
  const loss = (): Scalar => {
    const result = run();
    return sum(mul(result, tensor(formula("input.gradweight", result.size), result.shape))) as Scalar;
  };
  const { gradients } = withGoldenDecisions(decisions, () => valueAndGradients(loss, parameters), onNear);
  return { output, gradientNorms: new Map(parameters.map(({ name }, index) => [publishedRefinerName(name), gradientNorm([gradients[index]!])])) };
}

/** So near to its threshold a decision may differ between implementations: some ten times what rounding moves. */
const nearThreshold = 1e-4;

/**
 * Runs `action` with the published network's decisions where our own margin lies near the threshold; anywhere else a
 * different decision fails. (One flipped sign spreads: even PyTorch in another memory layout flips some.)
 */
function withGoldenDecisions<T>(decisions: GoldenDecisions, action: () => T, onNear?: (index: number, element: number) => void): T {
  let index = 0;
  return withDecisionHook((_kind, margin): Tensor => {
    const own = cast(greater(margin, 0), "float32");
    const decided = Float32Array.from(own.dataSync());
    const margins = margin.dataSync();
    const publishedIndex = channelsFirstIndex(margin.shape);
    for (let i = 0; i < decided.length; i++) {
      const element = publishedIndex(i);
      const distance = Math.abs(margins[i]!);
      if (distance < nearThreshold) onNear?.(index, element);
      const theirs = decisions.recorded(index, element);
      if (theirs === undefined || theirs === decided[i]) continue;
      if (distance >= nearThreshold) {
        throw new Error(`Decision ${index}, element ${element}: decided otherwise than published, ${distance} from the threshold.`);
      }
      decided[i] = theirs;
    }
    index += 1;
    return tensor(decided, margin.shape);
  }, action);
}

/** From our row-major index to the published one: maps are channels first there, tokens and scores the same. */
function channelsFirstIndex(shape: readonly number[]): (index: number) => number {
  if (shape.length !== 4) return (index) => index;
  const [, height, width, channels] = shape as [number, number, number, number];
  const pixels = height * width;
  return (index) => {
    const channel = index % channels;
    const pixel = Math.floor(index / channels);
    return (Math.floor(pixel / pixels) * channels + channel) * pixels + (pixel % pixels);
  };
}
