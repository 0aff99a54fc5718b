import type { Completions } from "./complete.ts";

/**
 * Writes completions for the scripts: a line `files`, `folders` or `none`, then a line for every candidate, with a tab before
 * its description. Descriptions are cut to what fits beside a name.
 */
export function formatCompletions({ candidates, paths }: Completions): string {
  const lines = candidates.map(({ value, description }) => `${value}\t${description.split(/[.;:(]/)[0]!.trim()}`);
  return `${[paths ?? "none", ...lines].join("\n")}\n`;
}
