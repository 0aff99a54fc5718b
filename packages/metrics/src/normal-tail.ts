/**
 * The probability that a standard normal variable lies further from zero than `z` does: erfc(|z| / √2).
 *
 * Below 3 by the series of Abramowitz & Stegun 26.2.11, above it by the continued fraction 26.2.14.
 */
export function twoSidedNormalTail(z: number): number {
  const distance = Math.abs(z);
  const density = Math.sqrt(2 / Math.PI) * Math.exp((-distance * distance) / 2);
  return distance < 3 ? 1 - density * seriesFactor(distance) : density * fractionFactor(distance);
}

/** x + x³/3 + x⁵/(3·5) + … */
function seriesFactor(x: number): number {
  let term = x;
  let total = x;
  for (let odd = 3; term > total * 1e-17; odd += 2) {
    term *= (x * x) / odd;
    total += term;
  }
  return total;
}

/** 1/(x + 1/(x + 2/(x + 3/(x + …)))), evaluated from its end. */
function fractionFactor(x: number): number {
  let denominator = x;
  for (let level = 200; level >= 1; level--) denominator = x + level / denominator;
  return 1 / denominator;
}
