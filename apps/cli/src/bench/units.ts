const prefixes = [
  { factor: 1e9, symbol: "G" },
  { factor: 1e6, symbol: "M" },
  { factor: 1e3, symbol: "k" },
] as const;

/** Three significant digits with a decimal prefix: "78.5 G", "690 M", "0". */
export function formatCount(value: number): string {
  const prefix = prefixes.find(({ factor }) => value >= factor);
  return prefix === undefined ? String(Math.round(value)) : `${threeDigits(value / prefix.factor)} ${prefix.symbol}`;
}

/** "1.23 GB", in powers of ten. */
export function formatBytes(bytes: number): string {
  const text = formatCount(bytes);
  return text.includes(" ") ? `${text}B` : `${text} B`;
}

/** "8.42 s", "310 ms", "0.52 ms" */
export function formatSeconds(seconds: number): string {
  return seconds >= 1 ? `${threeDigits(seconds)} s` : `${threeDigits(1000 * seconds)} ms`;
}

/** Three significant digits, all digits before the point; never an exponent from 10⁻⁶ on. */
export function threeDigits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded >= 100 ? String(Math.round(value)) : rounded.toPrecision(3);
}
