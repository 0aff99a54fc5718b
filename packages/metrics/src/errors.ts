/** What went wrong, stable across versions. */
export type MetricsErrorCode =
  | "metrics.length"
  | "metrics.shape"
  | "metrics.spacing"
  | "metrics.mask-values"
  | "metrics.label-values"
  | "metrics.classes"
  | "metrics.connectivity"
  | "metrics.threshold"
  | "metrics.penalty"
  | "metrics.cases"
  | "metrics.values"
  | "metrics.bins"
  | "metrics.resamples";

/**
 * The error of this package. The message says which operation failed, what was expected, what came and what to do.
 *
 * It carries the brand of the other HiDiff packages' errors, so that their `isHidiffError` recognises it, although this
 * package depends on none of them.
 */
export class MetricsError extends Error {
  readonly code: MetricsErrorCode;

  constructor(code: MetricsErrorCode, message: string) {
    super(message);
    this.name = "MetricsError";
    this.code = code;
    Object.defineProperty(this, Symbol.for("hidiff.error"), { value: true });
  }
}
