import type { CaseScores } from "hidiff";

/** Why a case is shown. */
export type ChoiceReason = "lowest Dice" | "highest Dice" | "fell most" | "rose most";

interface ChosenCase {
  readonly id: string;
  /** None if all cases are shown. */
  readonly reasons: readonly ChoiceReason[];
}

type RankedScores = Pick<CaseScores, "id" | "prior" | "refined">;

/**
 * The cases that a report shows with pictures: all, if they are no more than `limit`, by ascending refined Dice; else those
 * with the lowest refined Dice, those that refinement changed most to the worse and to the better, and those with the
 * highest: a quarter of the limit each. The earlier of equals comes first, and cases without Dice are in none of these
 * groups, so that a case that is not chosen among some cases is not chosen among more of them.
 */
export function chooseCases(cases: readonly RankedScores[], limit: number): ChosenCase[] {
  const refined = ({ refined: { dice } }: RankedScores): number | undefined => dice;
  const change = ({ prior, refined: { dice } }: RankedScores): number | undefined => (dice === undefined || prior.dice === undefined ? undefined : dice - prior.dice);
  const ascending = (pick: (scores: RankedScores) => number | undefined, sign: 1 | -1): string[] =>
    cases
      .flatMap((scores) => {
        const value = pick(scores);
        return value === undefined ? [] : [{ id: scores.id, value: sign * value }];
      })
      .sort((a, b) => a.value - b.value)
      .map(({ id }) => id);
  if (cases.length <= limit) {
    const ranked = ascending(refined, 1);
    return [...ranked, ...cases.map(({ id }) => id).filter((id) => !ranked.includes(id))].map((id) => ({ id, reasons: [] }));
  }
  const groups: readonly (readonly [ChoiceReason, string[]])[] = [
    ["lowest Dice", ascending(refined, 1)],
    ["fell most", ascending(change, 1)],
    ["rose most", ascending(change, -1)],
    ["highest Dice", ascending(refined, -1)],
  ];
  const chosen = new Map<string, ChoiceReason[]>();
  for (const [place, [reason, ids]] of groups.entries()) {
    // A limit that is no multiple of 4 gives the first groups one more.
    const share = Math.floor((limit + groups.length - 1 - place) / groups.length);
    for (const id of ids.slice(0, share)) chosen.set(id, [...(chosen.get(id) ?? []), reason]);
  }
  return [...chosen].map(([id, reasons]) => ({ id, reasons }));
}
