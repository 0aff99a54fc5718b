import type { SegmentationDataset, SplitName } from "@hidiff/datasets";
import {
  evaluateDataset,
  type EvaluatedCase,
  type EvaluationProtocol,
  type EvaluationRegion,
  type EvaluationReport,
  type HiDiff,
  type InferenceOptions,
  type MapName,
  type RefinementStep,
} from "hidiff";
import type { Progress } from "../terminal/progress.ts";

/** How a model is scored. */
export interface ScoringOptions {
  readonly split: SplitName;
  readonly protocol: EvaluationProtocol;
  readonly region: EvaluationRegion;
  /** Objects with fewer pixels than this are scored by themselves. */
  readonly smallObjects?: number;
  /** Only these classes, by name. */
  readonly classes?: readonly string[];
  /** "theirs=ours": which of the model's classes a class of the data set is. */
  readonly map?: readonly (readonly [theirs: string, ours: string])[];
  readonly skipBad?: boolean;
  readonly surface: boolean;
}

interface ModelEvaluationOptions extends ScoringOptions {
  readonly inference: InferenceOptions;
  readonly seeds: readonly number[];
  readonly progress: Progress;
  /** Cases that the progress counts already. */
  readonly done: number;
  /** What the progress calls a pass with one of the seeds. */
  readonly label: (seed: number) => string;
  /** Stops the evaluation by throwing. */
  readonly check: () => Promise<void> | void;
  readonly onCase?: (evaluated: EvaluatedCase, seed: number) => Promise<void>;
  /** What the first seed's pass keeps and tells beyond that. */
  readonly details?: { readonly maps: readonly MapName[]; readonly onStep?: (step: RefinementStep, slice: number) => void } | undefined;
}

/** Scores a model's own masks and the refined ones on a split, once with each seed. */
export async function evaluateModel(model: HiDiff, dataset: SegmentationDataset, options: ModelEvaluationOptions): Promise<EvaluationReport[]> {
  const { split, protocol, region, smallObjects, surface, skipBad, inference, progress, check } = options;
  const reports: EvaluationReport[] = [];
  let { done } = options;
  for (const [pass, seed] of options.seeds.entries()) {
    const label = options.label(seed);
    const report = await evaluateDataset(model.model, dataset, {
      ...inference,
      ...classOptions(model, options),
      ...(pass === 0 ? options.details : {}),
      preprocessing: model.manifest.preprocessing.steps,
      outside: model.manifest.preprocessing.volumes?.outside,
      channelNames: model.manifest.channelNames,
      packedRefiner: await model.packedRefiner(),
      split,
      seed,
      protocol,
      region,
      surface,
      ...(smallObjects === undefined ? {} : { smallObjects: { sizeThreshold: smallObjects } }),
      badCases: skipBad === true ? "skip" : "error",
      onBadCase: ({ id, reason }) => {
        done++;
        progress.note(`skipped ${id}: ${reason}`);
      },
      onProgress: (fraction) => {
        progress.update(done + 0.999 * fraction, label);
        return check();
      },
      onCase: async (evaluated) => {
        await options.onCase?.(evaluated, seed);
        done++;
        const [first] = evaluated.scores;
        const change = protocol === "case" && first !== undefined ? ` Dice ${first.prior.dice?.toFixed(3) ?? "–"} → ${first.refined.dice?.toFixed(3) ?? "–"}` : "";
        progress.update(done, label, [`${evaluated.id}${change}`]);
      },
    });
    reports.push(report);
  }
  return reports;
}

/** Which classes are scored, in the names of the model. */
function classOptions({ manifest }: HiDiff, { classes, map }: ScoringOptions): Pick<Parameters<typeof evaluateDataset>[2], "classNames" | "classes" | "classMapping"> {
  const names = manifest.classes.toSorted((a, b) => a.label - b.label).map(({ name }) => name);
  return { classNames: names, ...(classes === undefined ? {} : { classes }), ...(map === undefined ? {} : { classMapping: Object.fromEntries(map) }) };
}
