/** Round numbers within the range, at most about `most`. */
export function roundTicks(low: number, high: number, most: number): number[] {
  const rough = Math.max(high - low, 1e-6) / Math.max(2, most);
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * decade).find((candidate) => candidate >= rough)!;
  const start = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - start + 1 }, (_, index) => (start + index) * step);
}

/** For logarithmic axes: 1, 2 and 5 times powers of ten within the range; only the powers themselves where it is wide. */
export function decadeTicks(low: number, high: number): number[] {
  const factors = high / low > 200 ? [1] : [1, 2, 5];
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  return decades.flatMap((decade) => factors.map((factor) => factor * decade)).filter((tick) => tick >= low && tick <= high);
}

/** A tick's number, without the noise of floating point; small ones as "2e−5". */
export function tickLabel(value: number): string {
  const number = Number(value.toPrecision(6));
  return (number !== 0 && Math.abs(number) < 1e-3 ? number.toExponential() : String(number)).replaceAll("-", "−");
}
