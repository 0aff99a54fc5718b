/** A file of a synthetic data set, drawn and written when its turn comes. */
export interface PlannedFile {
  /** Relative to the data set's folder, with forward slashes. */
  readonly path: string;
  /** Writes it completely or not at all. */
  write(path: string): Promise<void>;
}

/** How much of a data set is drawn, with all defaults filled in. */
export interface LayoutOptions {
  readonly seed: number | string;
  /** In pixels; what it measures depends on the layout. */
  readonly size: number;
  /** Slices of a volume. */
  readonly depth: number;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

/** Keeps the last result of a function, for files that show the same drawing. */
export function rememberLast<T>(draw: (id: string) => T): (id: string) => T {
  let last: { readonly id: string; readonly value: T } | undefined;
  return (id) => {
    if (last?.id !== id) last = { id, value: draw(id) };
    return last.value;
  };
}

/** `number` in decimal digits, filled up with zeros. */
export function padded(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}
