import { call, type KernelCall } from "@hidiff/binary-nn/packed";
import { paddedChannels } from "./constants.ts";
import { noSigns, type PlanMemory, type SignedMap, type Signs } from "./plan-memory.ts";

/** What an image's residual block keeps for all steps. */
export interface ConditionState {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly featureChannels: number;
  readonly channels: number;
  readonly feature: number;
  readonly hidden: number;
  readonly statistics: number;
  readonly skip: number;
}

/** Rows of a product that a thread takes at once. */
const rowsPerChunk = 96;

/** Memory for what an image's residual block keeps. */
export function conditionState(
  memory: PlanMemory,
  sizes: Pick<ConditionState, "name" | "height" | "width" | "featureChannels" | "channels">,
): ConditionState {
  const { height, width, featureChannels, channels } = sizes;
  const bytes = 4 * height * width * channels;
  const feature = memory.allocate(4 * height * width * paddedChannels(featureChannels));
  return {
    ...sizes,
    feature,
    hidden: memory.allocate(bytes),
    statistics: memory.allocate(16 * height * groupsOf(channels)),
    skip: featureChannels === channels ? feature : memory.allocate(bytes),
  };
}

/** A residual block up to its second normalization. */
export function conditionImageCalls(memory: PlanMemory, condition: ConditionState): KernelCall[] {
  const { name, height, width, channels, featureChannels, feature, hidden, statistics, skip } = condition;
  const padded = paddedChannels(featureChannels);
  const groups = groupsOf(featureChannels);
  const featureStatistics = memory.acquire(16 * height * groups);
  const coefficients = memory.acquire(8 * padded);
  const common = { width, channels: padded, groups, perGroup: featureChannels / groups, statistics: featureStatistics };
  const ownGroups = groupsOf(channels);
  const calls = [
    call("groupStatistics", height, { ...common, input: feature }),
    call("groupCoefficients", 1, {
      ...common,
      rows: height,
      scale: memory.constants.vector(`${name}.inNorm.weight`, featureChannels),
      shift: memory.constants.vector(`${name}.inNorm.bias`, featureChannels),
      coefficients,
    }),
    ...winograd(memory, { condition, part: "inConvolution", inChannels: featureChannels, input: feature, coefficients, residual: 0, output: hidden, signs: noSigns }),
    call("groupStatistics", height, { width, channels, groups: ownGroups, perGroup: channels / ownGroups, input: hidden, statistics }),
  ];
  if (featureChannels !== channels) {
    const rows = height * width;
    calls.push(
      call("matrixProduct", Math.ceil(rows / rowsPerChunk), {
        rows,
        planeRows: rows,
        depth: padded,
        columns: channels,
        rowsPerChunk,
        input: feature,
        weights: memory.constants.matrix(`${name}.skip.weight`, featureChannels, channels),
        bias: memory.constants.vector(`${name}.skip.bias`, channels),
        output: skip,
      }),
    );
  }
  memory.release(featureStatistics, coefficients);
  return calls;
}

/** A residual block from its second normalization on. */
export function conditionStepCalls(memory: PlanMemory, condition: ConditionState, step: number, output: SignedMap, threshold: number): KernelCall[] {
  const { name, height, width, channels, hidden, statistics, skip } = condition;
  const groups = groupsOf(channels);
  const coefficients = memory.acquire(8 * channels);
  const signs = threshold === 0 ? noSigns : { threshold, bits: output.bits };
  const calls = [
    call("groupCoefficients", 1, {
      rows: height,
      width,
      channels,
      groups,
      perGroup: channels / groups,
      statistics,
      scale: memory.constants.row(`${name}.outNorm.factor`, step, channels),
      shift: memory.constants.row(`${name}.outNorm.offset`, step, channels),
      coefficients,
    }),
    ...winograd(memory, { condition, part: "outConvolution", inChannels: channels, input: hidden, coefficients, residual: skip, output: output.floats, signs }),
  ];
  memory.floatTap(name, output);
  memory.release(coefficients);
  return calls;
}

function winograd(memory: PlanMemory, options: {
  readonly condition: ConditionState;
  readonly part: string;
  readonly inChannels: number;
  readonly input: number;
  readonly coefficients: number;
  readonly residual: number;
  readonly output: number;
  readonly signs: Signs;
}): KernelCall[] {
  const { condition, part, inChannels, input, coefficients, residual, output, signs } = options;
  const { name, height, width, channels } = condition;
  const padded = paddedChannels(inChannels);
  const tileRows = Math.ceil(height / 2);
  const tiles = tileRows * Math.ceil(width / 2);
  const planeRows = tiles + 1; // see the kernel
  const transformed = memory.acquire(64 * planeRows * padded);
  const products = memory.acquire(64 * planeRows * channels);
  memory.release(transformed, products);
  return [
    call("winogradInput", Math.ceil(tileRows / 2), { height, width, channels: padded, planeRows, input, coefficients, output: transformed }),
    call("matrixProduct", 16 * Math.ceil(tiles / rowsPerChunk), {
      rows: tiles,
      planeRows,
      depth: padded,
      columns: channels,
      rowsPerChunk,
      input: transformed,
      weights: memory.constants.winograd(`${name}.${part}.weight`, inChannels, channels),
      bias: 0,
      output: products,
    }),
    call("winogradOutput", tileRows, {
      height,
      width,
      channels,
      planeRows,
      input: products,
      bias: memory.constants.vector(`${name}.${part}.bias`, channels),
      residual,
      output,
      thresholdA: signs.threshold,
      bitsA: signs.bits,
    }),
  ];
}

/** As core-tensor's GroupNorm: 32 groups, or as many as divide the channels. */
export function groupsOf(channels: number): number {
  let [a, b] = [32, channels];
  while (b > 0) [a, b] = [b, a % b];
  return a;
}
