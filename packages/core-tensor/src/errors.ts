export { didYouMean } from "./suggestions.ts";

const brand = Symbol.for("hidiff.error");

/**
 * The error of every HiDiff package.
 *
 * The message says which operation failed, what was expected, what came and what to do. `code` is stable across
 * versions. The class is recognised by a brand, so {@link isHidiffError} also works across duplicate installs.
 */
export class HidiffError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, brand, { value: true });
    this.name = "HidiffError";
    this.code = code;
  }
}

/** Whether `error` is a {@link HidiffError}, from this copy of the package or another one. */
export function isHidiffError(error: unknown): error is HidiffError {
  return typeof error === "object" && error !== null && brand in error;
}

/** Throws a {@link HidiffError} unless `condition` holds. */
export function assert(condition: unknown, code: string, message: string | (() => string)): asserts condition {
  if (!condition) throw new HidiffError(code, typeof message === "string" ? message : message());
}
