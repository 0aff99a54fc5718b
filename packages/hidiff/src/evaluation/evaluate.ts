import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import {
  type BadCasePolicy,
  type ImageStack,
  type LabelStack,
  type Preprocessing,
  type SegmentationCase,
  type SegmentationDataset,
  skipBadCase,
  type SplitName,
  withOutside,
} from "@hidiff/datasets";
import { segmentStack, type SegmentStackOptions, type StackSegmentation, voxelsOf } from "../inference/segment-stack.ts";
import { takesPriors } from "../inference/segment.ts";
import type { HybridModel } from "../model/hybrid-model.ts";
import { type ClassMapping, type ClassMappingOptions, mapClasses } from "./class-mapping.ts";
import { mapPrior } from "./map-prior.ts";
import { type CaseScores, caseScores, type EvaluationProtocol, type EvaluationRegion, type EvaluationReport, type ScoredCase, type SkippedCase, summarizeCases } from "./report.ts";
import { type LabelMapScores, scoreLabels, type ScoringOptions } from "./scores.ts";

export interface EvaluateOptions extends Omit<SegmentStackOptions, "preprocessing" | "prior" | "seed">, ClassMappingOptions {
  readonly split: SplitName;
  readonly seed: number;
  /** What the model was trained with. Default: the data set's. */
  readonly preprocessing?: Preprocessing;
  /** What the model's channels are, by name: those of the data set must be the same ones. Default: the data set's. */
  readonly channelNames?: readonly string[] | undefined;
  /** What lay outside of the volumes that the model was trained on, before preprocessing. Default: as the data set has it. */
  readonly outside?: number | undefined;
  /** "case" (default): each image or whole volume is a case, scored in space; "slice": every slice is one. */
  readonly protocol?: EvaluationProtocol;
  /** Default: the field of view, where the data set has one. */
  readonly region?: EvaluationRegion;
  /** Whether HD95 and ASSD are computed, too. Default true. */
  readonly surface?: boolean;
  /** Also scores the objects of the truth that have fewer voxels than this. */
  readonly smallObjects?: { readonly sizeThreshold: number } | undefined;
  /** What happens at a case that cannot be read: an error (default), or the others go on without it. */
  readonly badCases?: BadCasePolicy;
  /** Called for each case that is skipped. */
  readonly onBadCase?: (skipped: SkippedCase) => void;
  /** Called after each image or volume. */
  readonly onCase?: (evaluated: EvaluatedCase, index: number, total: number) => void | Promise<void>;
}

/** An image or volume with its segmentation, as it was scored. All label maps are `[depth, height, width]`. */
export interface EvaluatedCase {
  readonly id: string;
  readonly image: ImageStack;
  readonly segmentation: StackSegmentation;
  /** The truth, in the model's labels. */
  readonly truth: Uint8Array;
  /** Where scores count; undefined: everywhere. */
  readonly region: Uint8Array | undefined;
  /** One, or by the protocol "slice" one a slice. */
  readonly scores: readonly CaseScores[];
}

/**
 * Segments a split's cases, with their priors where they have some and the model takes them, and scores the segmentor's own
 * labels and the refined ones, class by class. Any data set of the model's classes will do, or one whose classes are mapped
 * to them. Distances are in millimetres where the images tell their spacing, else in pixels. Cases in which truth and labels
 * are empty count as the metrics' policy for empty masks has it.
 *
 * @throws HidiffError `evaluate.empty` for a split without images, `evaluate.classes` for other classes than the model's,
 * `evaluate.channels` for other images; and those of reading and segmenting
 */
export async function evaluateDataset(model: HybridModel, dataset: SegmentationDataset, options: EvaluateOptions): Promise<EvaluationReport> {
  const { split, seed, protocol = "case", region = "field-of-view", badCases = "error", onBadCase, onCase } = options;
  const ids = dataset.splits[split];
  if (ids.length === 0) {
    throw new HidiffError("evaluate.empty", `evaluateDataset: the split "${split}" of ${dataset.name} has no images; choose another split.`);
  }
  const { imageChannels, classes: modelClasses } = model.architecture;
  if (dataset.imageChannels !== imageChannels) {
    throw new HidiffError(
      "evaluate.channels",
      `evaluateDataset: the model takes images with ${imageChannels} channel(s), but those of ${dataset.name} have ${dataset.imageChannels}; evaluate it on a data set like the one it was trained on.`,
    );
  }
  requireSameChannels(dataset, options.channelNames);
  const mapping = mapClasses(modelClasses, dataset, options);
  const scored: ScoredCase[] = [];
  const skipped: SkippedCase[] = [];
  for (const [index, id] of ids.entries()) {
    const found = await skipBadCase(id, badCases, () => evaluateCase(model, dataset, id, mapping, options), ({ error }) => {
      skipped.push({ id, reason: error.message });
      onBadCase?.(skipped.at(-1)!);
    });
    if (found === undefined) continue;
    scored.push(...found.scored);
    await onCase?.({ ...found.evaluated, scores: found.scored.map((part) => caseScores(part, mapping.classes)) }, index, ids.length);
  }
  if (scored.length === 0) {
    throw new HidiffError("evaluate.empty", `evaluateDataset: none of the ${ids.length} case(s) of ${dataset.name} could be read. The first: ${skipped[0]!.reason}`);
  }
  return { dataset: dataset.name, split, seed, protocol, region, classes: mapping.classes, ...summarizeCases(scored, mapping.classes, seed), skipped };
}

/** In another order, or of another kind, channels would give wrong masks without a sign of it. */
function requireSameChannels({ name, channelNames: theirs }: SegmentationDataset, own: readonly string[] | undefined): void {
  if (own === undefined || theirs === undefined || own.every((channel, index) => channel.toLowerCase() === theirs[index]?.toLowerCase())) return;
  throw new HidiffError(
    "evaluate.channels",
    `evaluateDataset: the model takes the channels ${own.join(", ")}, in this order, but those of ${name} are ${theirs.join(", ")}; ` +
      `describe the data set as a folder whose channels have the model's names.`,
  );
}

async function evaluateCase(
  model: HybridModel,
  dataset: SegmentationDataset,
  id: string,
  mapping: ClassMapping,
  options: EvaluateOptions,
): Promise<{ scored: ScoredCase[]; evaluated: Omit<EvaluatedCase, "scores"> }> {
  const { preprocessing = dataset.preprocessing, region: wanted = "field-of-view" } = options;
  const { image: read, labels, fieldOfView, prior: external } = await loadCase(dataset, id);
  const image = options.outside === undefined ? read : withOutside(read, options.outside);
  const truth = relabel(voxelsOf(labels), mapping.truth, (label) => {
    throw new HidiffError("datasets.labels", `evaluateDataset: "${id}" of ${dataset.name} has the label ${label}, which is none of its classes.`);
  });
  const region = fieldOfView === undefined || wanted === "all" ? undefined : voxelsOf(fieldOfView);
  const given = external === undefined || !takesPriors(model) ? undefined : mapPrior(external, mapping.corresponding, model.architecture.classes);
  const segmentation = await segmentStack(model, image, { ...options, preprocessing, prior: given }).catch((error: unknown) => {
    if (!isHidiffError(error) || error.code !== "segment.values") throw error;
    throw new HidiffError("datasets.values", `evaluateDataset: "${id}" of ${dataset.name}: ${error.message}`, { cause: error });
  });
  const [prior, refined] = [segmentation.priorLabels, segmentation.labels].map((found) => relabel(found, mapping.prediction)) as [Uint8Array, Uint8Array];
  const scored = partsOf(image, id, options.protocol ?? "case").map(({ name, start, end, shape, spacing }) => {
    const scoring: ScoringOptions = {
      classes: mapping.classes,
      shape,
      spacing,
      region: region?.subarray(start, end),
      surface: options.surface ?? true,
      sizeThreshold: options.smallObjects?.sizeThreshold,
    };
    const score = (found: Uint8Array): LabelMapScores => scoreLabels(found.subarray(start, end), truth.subarray(start, end), scoring);
    return { id: name, prior: score(prior), refined: score(refined) };
  });
  return { scored, evaluated: { id, image, segmentation: { ...segmentation, labels: refined, priorLabels: prior }, truth, region } };
}

/** A case whose label maps and prior are on its image's grid. */
async function loadCase(dataset: SegmentationDataset, id: string): Promise<SegmentationCase> {
  const found = await dataset.load(id);
  const size = ({ depth, height, width }: Omit<LabelStack, "slice">): string => `${depth}×${height}×${width}`;
  for (const map of [found.labels, found.fieldOfView, found.prior]) {
    if (map === undefined || size(map) === size(found.image)) continue;
    const what = map === found.prior ? "prior is" : "labels are";
    throw new HidiffError(
      "datasets.size",
      `evaluateDataset: the image of "${id}" of ${dataset.name} is ${size(found.image)}, but its ${what} ${size(map)} (depth×height×width).`,
    );
  }
  return found;
}

/** The labels that a mapping gives; those it does not know are an error. */
function relabel(labels: Uint8Array, mapping: ReadonlyMap<number, number>, unknown: (label: number) => never = failUnknown): Uint8Array {
  const table = Int16Array.from({ length: 256 }, (_, label) => mapping.get(label) ?? -1);
  return labels.map((label) => {
    const mapped = table[label]!;
    return mapped < 0 ? unknown(label) : mapped;
  });
}

function failUnknown(label: number): never {
  throw new HidiffError("evaluate.classes", `evaluateDataset: the model gave the label ${label}, which is none of its classes.`);
}

/** A part of a case that is scored by itself. */
interface CasePart {
  readonly name: string;
  /** Of its voxels. */
  readonly start: number;
  readonly end: number;
  readonly shape: readonly number[];
  readonly spacing: readonly number[];
}

/** The whole case, in three dimensions unless it is flat; or its slices. */
function partsOf({ depth, height, width, spacing }: ImageStack, id: string, protocol: EvaluationProtocol): CasePart[] {
  const size = height * width;
  const flat = { shape: [height, width], spacing: spacing.slice(1) };
  if (depth === 1) return [{ name: id, start: 0, end: size, ...flat }];
  if (protocol === "case") return [{ name: id, start: 0, end: depth * size, shape: [depth, height, width], spacing }];
  return Array.from({ length: depth }, (_, index) => ({ name: `${id}/${String(index).padStart(3, "0")}`, start: index * size, end: (index + 1) * size, ...flat }));
}
