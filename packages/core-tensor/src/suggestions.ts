import { distance } from "fastest-levenshtein";

/** " Did you mean "…"?" for the most similar of `known`, or an empty text if none is similar. */
export function didYouMean(name: string, known: readonly string[]): string {
  const similar = known
    .map((candidate) => ({ candidate, edits: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(2, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.edits - b.edits)[0];
  return similar === undefined ? "" : ` Did you mean "${similar.candidate}"?`;
}
