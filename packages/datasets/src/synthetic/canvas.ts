/**
 * A square layer [size, size]. Drawing uses coordinates in which the picture spans [-1, 1] both ways, x to the right and
 * y down, so that a scene looks alike at every size. Overlapping strokes keep the stronger value, as overlapping vessels
 * do not darken twice.
 */
export interface Layer {
  readonly size: number;
  readonly values: Float32Array;
}

export function createLayer(size: number): Layer {
  return { size, values: new Float32Array(size * size) };
}

/** The strength of a stroke at `distance` (in picture coordinates) from its line; `halfPixel` is half a pixel's side. */
type Profile = (distance: number, halfPixel: number) => number;

export interface Segment {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Draws a line of which everything farther than `reach` from the line is nothing. */
export function drawSegment(layer: Layer, segment: Segment, reach: number, profile: Profile): void {
  const { x0, y0, x1, y1 } = segment;
  const dx = x1 - x0;
  const dy = y1 - y0;
  const lengthSquared = dx * dx + dy * dy;
  const [left, right] = [Math.min(x0, x1) - reach, Math.max(x0, x1) + reach];
  const [top, bottom] = [Math.min(y0, y1) - reach, Math.max(y0, y1) + reach];
  drawWithin(layer, left, right, top, bottom, (x, y, halfPixel) => {
    const along = lengthSquared === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / lengthSquared));
    return profile(Math.hypot(x - x0 - along * dx, y - y0 - along * dy), halfPixel);
  });
}

export interface Blob {
  readonly x: number;
  readonly y: number;
  /** Half the length along `angle`, and across it. */
  readonly radius: number;
  readonly radiusAcross: number;
  /** Radians. */
  readonly angle: number;
  /** How far the outline deviates from the ellipse, as a fraction of its radius, and the phases of its two waves. */
  readonly irregularity: number;
  readonly phases: readonly [number, number];
  /** The width of the border as a fraction of the radius. */
  readonly softness: number;
  readonly strength: number;
}

/** Draws an irregular ellipse with a soft border. */
export function drawBlob(layer: Layer, blob: Blob): void {
  const { x, y, radius, radiusAcross, irregularity, phases, softness, strength } = blob;
  const cosine = Math.cos(blob.angle);
  const sine = Math.sin(blob.angle);
  const reach = radius * (1 + irregularity) * (1 + softness) + 4 / layer.size;
  drawWithin(layer, x - reach, x + reach, y - reach, y + reach, (px, py, halfPixel) => {
    const along = ((px - x) * cosine + (py - y) * sine) / radius;
    const across = ((py - y) * cosine - (px - x) * sine) / radiusAcross;
    const direction = Math.atan2(across, along);
    const outline = 1 + irregularity * (0.6 * Math.sin(2 * direction + phases[0]) + 0.4 * Math.sin(5 * direction + phases[1]));
    const border = Math.max(softness, (2 * halfPixel) / radiusAcross);
    return strength * smoothStep((outline - Math.hypot(along, across)) / border + 0.5);
  });
}

function drawWithin(
  { size, values }: Layer,
  left: number,
  right: number,
  top: number,
  bottom: number,
  strength: (x: number, y: number, halfPixel: number) => number,
): void {
  const halfPixel = 1 / size;
  const first = (position: number): number => Math.max(0, Math.floor(((position + 1) * size) / 2 - 0.5));
  const last = (position: number): number => Math.min(size - 1, Math.ceil(((position + 1) * size) / 2 - 0.5));
  const lastColumn = last(right);
  const lastRow = last(bottom);
  for (let row = first(top); row <= lastRow; row++) {
    for (let column = first(left); column <= lastColumn; column++) {
      const value = strength((2 * column + 1) / size - 1, (2 * row + 1) / size - 1, halfPixel);
      const index = row * size + column;
      if (value > values[index]!) values[index] = value;
    }
  }
}

/** 0 below 0, 1 above 1, smooth between. */
export function smoothStep(value: number): number {
  if (value <= 0) return 0;
  if (value >= 1) return 1;
  return value * value * (3 - 2 * value);
}
