/** A rectangle of an image, possibly reaching beyond it. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Windows that cover an image: squares of side `side`, neighbours overlapping by at least the fraction `overlap`, or,
 * where the image is not larger (or `side` is 0), the image itself; padded to multiples of `multiple`.
 */
export function coverWithWindows(height: number, width: number, side: number, overlap: number, multiple: number): Window[] {
  const padded = (size: number): number => Math.ceil(size / multiple) * multiple;
  const window = (size: number): number => (side === 0 ? padded(size) : Math.min(padded(side), padded(size)));
  const [windowHeight, windowWidth] = [window(height), window(width)];
  const tops = starts(height, windowHeight, overlap);
  const lefts = starts(width, windowWidth, overlap);
  return tops.flatMap((top) => lefts.map((left) => ({ top, left, height: windowHeight, width: windowWidth })));
}

function starts(size: number, window: number, overlap: number): number[] {
  if (window >= size) return [0];
  const count = Math.ceil((size - window) / Math.max(1, window * (1 - overlap))) + 1;
  return Array.from({ length: count }, (_, index) => Math.round((index * (size - window)) / (count - 1)));
}

/**
 * Cuts a window out of an image.
 *
 * @param data `[height, width, channels]`
 * @param outside what lies outside of it, one value a channel
 * @returns `[window.height, window.width, channels]`
 */
export function cutWindow(
  data: Float32Array,
  [height, width, channels]: readonly [number, number, number],
  window: Window,
  outside: readonly number[],
): Float32Array {
  const cut = new Float32Array(window.height * window.width * channels);
  for (let i = 0; i < cut.length; i++) cut[i] = outside[i % channels]!;
  const columns = Math.min(width - window.left, window.width);
  for (let row = 0; row < Math.min(height - window.top, window.height); row++) {
    const start = ((window.top + row) * width + window.left) * channels;
    cut.set(data.subarray(start, start + columns * channels), row * window.width * channels);
  }
  return cut;
}

/**
 * Cuts windows of one size, as {@link cutWindow} does.
 *
 * @returns `[windows, window.height, window.width, channels]`
 */
export function cutWindows(
  data: Float32Array,
  { height, width }: Pick<Window, "height" | "width">,
  channels: number,
  windows: readonly Window[],
  outside: readonly number[],
): Float32Array {
  const size = windows[0]!.height * windows[0]!.width * channels;
  const cut = new Float32Array(windows.length * size);
  windows.forEach((window, index) => cut.set(cutWindow(data, [height, width, channels], window, outside), index * size));
  return cut;
}

/** Puts maps of overlapping windows together, each weighted by a Gaussian around its centre (σ = side/8). */
export class WindowBlender {
  readonly #sum: Float64Array;
  readonly #weight: Float64Array;
  readonly #size: readonly [number, number, number];

  constructor(size: readonly [height: number, width: number, channels: number]) {
    this.#size = size;
    this.#sum = new Float64Array(size[0] * size[1] * size[2]);
    this.#weight = new Float64Array(size[0] * size[1]);
  }

  /** @param values `[window.height, window.width, channels]` */
  add(values: ArrayLike<number>, window: Window): void {
    const [height, width, channels] = this.#size;
    const vertical = bell(window.height);
    const horizontal = bell(window.width);
    for (let row = 0; row < Math.min(height - window.top, window.height); row++) {
      for (let column = 0; column < Math.min(width - window.left, window.width); column++) {
        const weight = vertical[row]! * horizontal[column]!;
        const pixel = (window.top + row) * width + window.left + column;
        const source = (row * window.width + column) * channels;
        this.#weight[pixel] = this.#weight[pixel]! + weight;
        for (let c = 0; c < channels; c++) {
          this.#sum[pixel * channels + c] = this.#sum[pixel * channels + c]! + weight * values[source + c]!;
        }
      }
    }
  }

  /** The weighted mean, `[height, width, channels]`. */
  blend(): Float32Array {
    const channels = this.#size[2];
    return Float32Array.from(this.#sum, (sum, index) => sum / this.#weight[Math.floor(index / channels)]!);
  }
}

function bell(length: number): Float64Array {
  const centre = (length - 1) / 2;
  const sigma = length / 8;
  return Float64Array.from({ length }, (_, index) => Math.max(Math.exp(-(((index - centre) / sigma) ** 2) / 2), 1e-3));
}
