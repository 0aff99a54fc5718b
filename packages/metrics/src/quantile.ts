/**
 * A quantile with linear interpolation between the two nearest order statistics (type 7 of Hyndman & Fan 1996).
 *
 * @param sorted at least one value, ascending
 * @param fraction in [0, 1]; 0.5 is the median
 */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  const position = fraction * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}
