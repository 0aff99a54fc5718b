import type { z } from "zod";

/** What a rule looks at: as much of a configuration as has the right types, with its defaults. */
interface Looked {
  readonly architecture?: {
    readonly segmentor?: { readonly name?: unknown; readonly options?: { readonly stages?: unknown } };
    readonly diffusion?: { readonly steps?: unknown };
  };
  readonly priors?: unknown;
  readonly training?: { readonly batchSize?: unknown; readonly microBatchSize?: unknown; readonly cropSize?: unknown };
  readonly inference?: { readonly steps?: unknown; readonly window?: unknown };
}

/** Something that two fields must agree in: the field to change, and what is wrong, if anything is. */
interface Rule {
  readonly path: readonly [string, ...string[]];
  problem(configuration: Looked): string | undefined;
}

const isNumber = (value: unknown): value is number => typeof value === "number";

/** What the sides of a segmentor's images must be multiples of, where its options ask for more than all networks do. */
function sizeMultiple({ architecture }: Looked): number {
  const { name, options } = architecture?.segmentor ?? {};
  const stages = options?.stages;
  return name === "residual-unet" && isNumber(stages) && stages > 6 ? 2 ** (stages - 1) : 32;
}

function sizeProblem(field: string, size: unknown, configuration: Looked): string | undefined {
  const multiple = sizeMultiple(configuration);
  if (!isNumber(size) || size % 32 !== 0 || size % multiple === 0) return undefined;
  return `${field} must be a multiple of ${multiple} for this segmentor (residual-unet with many stages), but is ${size}; take ${Math.ceil(size / multiple) * multiple}, or fewer stages`;
}

const rules: readonly Rule[] = [
  {
    path: ["training", "microBatchSize"],
    problem: ({ training: { batchSize, microBatchSize } = {} }) =>
      isNumber(batchSize) && isNumber(microBatchSize) && microBatchSize > batchSize
        ? `training.microBatchSize is ${microBatchSize}, more than training.batchSize, which is ${batchSize}; it must be at most that`
        : undefined,
  },
  {
    path: ["inference", "steps"],
    problem: ({ architecture: { diffusion: { steps: all } = {} } = {}, inference: { steps } = {} }) =>
      isNumber(all) && isNumber(steps) && steps > all
        ? `inference.steps is ${steps}, but the process has ${all} (architecture.diffusion.steps); it must be 1 to ${all}`
        : undefined,
  },
  { path: ["training", "cropSize"], problem: (configuration) => sizeProblem("training.cropSize", configuration.training?.cropSize, configuration) },
  { path: ["inference", "window"], problem: (configuration) => sizeProblem("inference.window", configuration.inference?.window, configuration) },
  {
    path: ["priors"],
    problem: ({ priors, architecture: { segmentor } = {} }) =>
      priors !== undefined && typeof segmentor?.name === "string" && ["unet", "transunet", "swin-unet", "attention-unet", "residual-unet"].includes(segmentor.name)
        ? `priors are masks of another program, but the segmentor "${segmentor.name}" computes its own; leave priors out, or set architecture.segmentor.name to masks`
        : undefined,
  },
];

/** The rules between fields, which are looked at even where other fields are wrong: all problems are told at once. */
export function withCrossFieldRules<S extends z.ZodType>(schema: S): S {
  return rules.reduce<S>(
    (ruled, { path, problem }) =>
      ruled.refine((value) => problem(value as Looked) === undefined, {
        path: [...path],
        error: ({ input }) => problem(input as Looked),
        when: ({ value }) => typeof value === "object" && value !== null,
      }) as S,
    schema,
  );
}
