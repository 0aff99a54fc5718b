import { didYouMean, HidiffError } from "@hidiff/core-tensor";

/** Checks one option's value; `undefined` is an option that was not given. */
interface OptionReader<T> {
  /** What the option may be, for errors. */
  readonly expected: string;
  /** The value, its default, or undefined where the given value is none. */
  read(value: unknown): T | undefined;
}

/** An integer of at least 1. */
export function positiveInteger(fallback?: number): OptionReader<number> {
  return {
    expected: "a positive integer",
    read(value = fallback) {
      return isPositiveInteger(value) ? value : undefined;
    },
  };
}

/** An integer of at least `minimum` and at most `maximum`. */
export function integerIn(minimum: number, maximum: number, fallback: number): OptionReader<number> {
  return {
    expected: `an integer in ${minimum} … ${maximum}`,
    read(value = fallback) {
      return typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum ? value : undefined;
    },
  };
}

/** A list of integers of at least 1, of any length unless one is given. */
export function positiveIntegers(fallback: readonly number[], length?: number): OptionReader<readonly number[]> {
  return {
    expected: `a list of ${length === undefined ? "" : `${length} `}positive integers`,
    read(value = fallback) {
      const fits = Array.isArray(value) && value.every(isPositiveInteger) && (length === undefined || value.length === length);
      return fits ? value : undefined;
    },
  };
}

/** A finite number above 0. */
export function positiveNumber(fallback: number): OptionReader<number> {
  return {
    expected: "a positive number",
    read(value = fallback) {
      return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
    },
  };
}

/** A positive multiple of `factor`, at most `maximum`. */
export function multipleOf(factor: number, fallback: number, maximum: number = Infinity): OptionReader<number> {
  return {
    expected: `a positive multiple of ${factor}${maximum === Infinity ? "" : `, at most ${maximum}`}`,
    read(value = fallback) {
      return isPositiveInteger(value) && value <= maximum && value % factor === 0 ? value : undefined;
    },
  };
}

/** True or false. */
export function trueOrFalse(fallback: boolean): OptionReader<boolean> {
  return {
    expected: "true or false",
    read(value = fallback) {
      return typeof value === "boolean" ? value : undefined;
    },
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(choices: readonly T[], fallback: T): OptionReader<T> {
  return {
    expected: choices.map((choice) => `"${choice}"`).join(" or "),
    read(value = fallback) {
      return choices.find((choice) => choice === value);
    },
  };
}

/**
 * The options of a segmentor with defaults filled in, from values of any origin, such as a configuration file.
 *
 * @param name how errors call the segmentor
 * @throws HidiffError `segmentor.option` for an unknown option, a missing one, or one of another type or range
 */
export function readOptions<T extends object>(
  name: string,
  given: object,
  readers: { readonly [K in keyof T]: OptionReader<T[K]> },
): T {
  const known = Object.keys(readers);
  for (const option of Object.keys(given)) {
    if (!known.includes(option)) {
      const suggestion = didYouMean(option, known);
      throw new HidiffError("segmentor.option", `${name}: there is no option "${option}".${suggestion} It takes: ${known.join(", ")}.`);
    }
  }
  const values = Object.entries<OptionReader<unknown>>(readers).map(([option, reader]) => {
    const value = (given as Readonly<Record<string, unknown>>)[option];
    const result = reader.read(value);
    if (result === undefined) {
      const came = value === undefined ? "nothing" : JSON.stringify(value);
      throw new HidiffError("segmentor.option", `${name}: expected ${option} to be ${reader.expected}, got ${came}.`);
    }
    return [option, result];
  });
  return Object.fromEntries(values) as T;
}

function isPositiveInteger(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1;
}
