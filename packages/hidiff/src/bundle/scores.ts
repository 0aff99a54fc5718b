import { HidiffError } from "@hidiff/core-tensor/errors";
import { parse } from "@hidiff/datasets";
import { z } from "zod";
import { type InferenceOptions, inferenceSchema } from "../config/schema.ts";
import type { BundleManifest } from "./manifest.ts";

/** Mean over cases; the standard deviation is missing for a single case. */
interface Spread {
  readonly mean: number;
  readonly standardDeviation?: number | undefined;
}

/** What a model scored on a data set, by one metric. */
export interface ModelScore {
  readonly dataset: string;
  readonly split: string;
  /** How many images or volumes. */
  readonly images: number;
  /** What a case is: "case" for each image or volume, "slice" for each slice. */
  readonly protocol?: string | undefined;
  /** Where scores count: "field-of-view" or "all". */
  readonly region?: string | undefined;
  /** Such as "dice" or "hausdorffDistance95". */
  readonly metric: string;
  /** The class; absent for the mean over the classes. */
  readonly class?: string | undefined;
  /** The segmentor's own masks. */
  readonly segmentor: Spread;
  /** The refined masks. */
  readonly refined: Spread;
}

const spread = z.strictObject({ mean: z.number(), standardDeviation: z.number().min(0).optional() });

export const modelScoreSchema: z.ZodType<ModelScore> = z.strictObject({
  dataset: z.string().min(1),
  split: z.string().min(1),
  images: z.number().int().positive(),
  protocol: z.string().optional(),
  region: z.string().optional(),
  metric: z.string().min(1),
  class: z.string().optional(),
  segmentor: spread,
  refined: spread,
});

// Of `metrics.json`, what is taken over; the rest is for other readers.
const summary = z.object({ mean: z.number().nullish(), standardDeviation: z.number().nullish() });
const metrics = z.record(z.string(), z.object({ prior: summary, refined: summary }));
const evaluationSchema = z.object({
  dataset: z.string().min(1),
  split: z.string().min(1),
  protocol: z.string(),
  region: z.string(),
  images: z.number().int().positive(),
  skipped: z.array(z.unknown()),
  model: z.object({ checksums: z.record(z.string(), z.string()) }),
  inference: inferenceSchema,
  metrics,
  perClass: z.array(z.object({ name: z.string(), metrics })),
});

/**
 * The scores in what `hidiff evaluate` wrote as `metrics.json`.
 *
 * @param document its content
 * @param name how errors call it
 * @param model the manifest of the model that must have been evaluated, with its own inference options
 * @throws HidiffError `config.invalid` for another document, `bundle.evaluation` for the evaluation of another model
 */
export function scoresOfEvaluation(document: unknown, name: string, model: Pick<BundleManifest, "name" | "checksums" | "inference">): ModelScore[] {
  const evaluation = parse(evaluationSchema, document, name);
  if (!isSameModel(evaluation.model.checksums, model.checksums)) {
    throw new HidiffError(
      "bundle.evaluation",
      `${name} has the scores of another model than ${model.name}: the weights' checksums differ. Evaluate this one. (Weights that were rounded to half precision are others: evaluate them once they are packed.)`,
    );
  }
  const changed = changedOptions(evaluation.inference, model.inference);
  if (changed.length > 0) {
    throw new HidiffError("bundle.evaluation", `${name} was evaluated with other options than the model's own: ${changed.join(", ")}. Evaluate without them.`);
  }
  const { dataset, split, protocol, region, images, skipped, perClass } = evaluation;
  const about = { dataset, split, images: images - skipped.length, protocol, region };
  const scores = (found: z.infer<typeof metrics>, ofClass: { readonly class?: string }): ModelScore[] =>
    Object.entries(found).flatMap(([metric, { prior, refined }]) => {
      const [segmentor, both] = [asSpread(prior), asSpread(refined)];
      return segmentor === undefined || both === undefined ? [] : [{ ...about, metric, ...ofClass, segmentor, refined: both }];
    });
  return [...scores(evaluation.metrics, {}), ...(perClass.length > 1 ? perClass.flatMap((own) => scores(own.metrics, { class: own.name })) : [])];
}

/**
 * Whether two bundles hold the same weights by their checksums, though one may lack the refiner's compiled or its
 * floating-point form.
 */
export function isSameModel(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const common = Object.keys(a).filter((file) => file in b);
  return common.some((file) => file.startsWith("refiner.")) && common.some((file) => file.startsWith("segmentor.")) && common.every((file) => a[file] === b[file]);
}

function changedOptions(used: InferenceOptions, own: InferenceOptions): string[] {
  const names = Object.keys({ ...own, ...used }) as (keyof InferenceOptions)[];
  return names.filter((name) => name !== "batchSize" && JSON.stringify(used[name]) !== JSON.stringify(own[name])).map((name) => `${name} ${JSON.stringify(used[name])} instead of ${JSON.stringify(own[name])}`);
}

function asSpread({ mean, standardDeviation }: z.infer<typeof summary>): Spread | undefined {
  if (typeof mean !== "number") return undefined;
  return typeof standardDeviation === "number" ? { mean, standardDeviation } : { mean };
}
