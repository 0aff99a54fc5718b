import { z } from "zod";

/** A look at validation images, after so many iterations of the alternation. */
export interface Look {
  readonly iteration: number;
  readonly refinedDice: number;
}

/** What the looks have shown so far: what choosing parameters and stopping early depend on. */
export interface LookHistory {
  /** The look with the highest refined Dice, the first of equals. */
  readonly best?: Look | undefined;
  /** The refined Dice of the last look that counted as an improvement. */
  readonly reference?: number | undefined;
  /** The looks since then. */
  readonly looksWithoutImprovement: number;
}

export const noLooks: LookHistory = { looksWithoutImprovement: 0 };

export const lookSchema: z.ZodType<Look> = z.strictObject({ iteration: z.number().int().positive(), refinedDice: z.number() });

/** A history in a checkpoint's header. */
export const lookHistorySchema: z.ZodType<LookHistory> = z.strictObject({
  best: lookSchema.optional(),
  reference: z.number().optional(),
  looksWithoutImprovement: z.number().int().min(0),
});

/**
 * The history with one more look.
 *
 * @param minimumImprovement what the refined Dice must exceed the reference by to count as an improvement
 */
export function withLook(
  { best, reference, looksWithoutImprovement }: LookHistory,
  look: Look,
  minimumImprovement: number,
): LookHistory {
  const { refinedDice } = look;
  const improved = reference === undefined || refinedDice > reference + minimumImprovement;
  return {
    best: best === undefined || refinedDice > best.refinedDice ? look : best,
    reference: improved ? refinedDice : reference,
    looksWithoutImprovement: improved ? 0 : looksWithoutImprovement + 1,
  };
}
