import type { CaseFacts, DatasetInspection } from "@hidiff/datasets/node";
import { type Summary, summarize } from "@hidiff/metrics";

export const splitNames = ["train", "validation", "test"] as const;

/** A class over all cases that were read. */
interface ClassSummary {
  readonly label: number;
  readonly name: string;
  /** How many cases have it. */
  readonly cases: number;
  /** Its share of all pixels. */
  readonly fraction: number;
  /** Its share of the pixels, over the cases. */
  readonly fractionPerCase: Summary;
}

/** A size and how many cases have it, most frequent first. */
interface SizeCount {
  readonly size: string;
  readonly count: number;
}

function pixelCount({ depth, height, width }: CaseFacts): number {
  return depth * height * width;
}

export function summarizeClasses({ facts, classNames }: DatasetInspection): ClassSummary[] {
  const all = facts.reduce((sum, fact) => sum + pixelCount(fact), 0);
  return classNames.map((name, label) => {
    const counts = facts.map(({ classPixels }) => classPixels[label] ?? 0);
    return {
      label,
      name,
      cases: counts.filter((count) => count > 0).length,
      fraction: counts.reduce((sum, count) => sum + count, 0) / Math.max(1, all),
      fractionPerCase: summarize(facts.map((fact, index) => counts[index]! / pixelCount(fact))),
    };
  });
}

/** "565×584" for images, "35×51×35" (width×height×slices) for volumes. */
export function formatSize({ depth, height, width }: CaseFacts): string {
  return depth === 1 ? `${width}×${height}` : `${width}×${height}×${depth}`;
}

/** "1×1×2.5 mm" along width, height and depth; as it is stored. */
export function formatSpacing({ spacing: [depth, height, width] }: CaseFacts): string {
  const show = (length: number): string => String(Number(length.toFixed(3)));
  return `${show(width)}×${show(height)}×${show(depth)} mm`;
}

export function countSizes(facts: readonly CaseFacts[], format: (fact: CaseFacts) => string = formatSize): SizeCount[] {
  const counts = new Map<string, number>();
  for (const fact of facts) counts.set(format(fact), (counts.get(format(fact)) ?? 0) + 1);
  return [...counts].map(([size, count]) => ({ size, count })).sort((a, b) => b.count - a.count);
}

/** All sizes with their counts if they are few: "565×584 (40)"; else the smallest, the largest and the most frequent. */
export function describeSizes(sizes: readonly SizeCount[], shown = 3): string {
  const list = ({ size, count }: SizeCount): string => `${size} (${count})`;
  if (sizes.length <= shown) return sizes.map(list).join(", ");
  const extent = ({ size }: SizeCount): number => size.split("×").reduce((product, length) => product * Number.parseFloat(length), 1);
  const ordered = sizes.toSorted((a, b) => extent(a) - extent(b));
  return `${sizes.length} sizes from ${ordered[0]!.size} to ${ordered.at(-1)!.size}, most often ${list(sizes[0]!)}`;
}

/** "12.3 %", with two significant digits below one. */
export function formatShare(fraction: number): string {
  const percent = 100 * fraction;
  return `${percent >= 10 || percent === 0 ? percent.toFixed(1) : percent.toPrecision(2)} %`;
}
