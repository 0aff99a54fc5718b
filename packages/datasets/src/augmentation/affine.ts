import type { Generator } from "@hidiff/core-tensor/random";

/** Ranges from which an affine transformation is drawn. */
export interface AffineOptions {
  /** The largest angle in degrees, either way. */
  readonly rotation: number;
  readonly scale: readonly [low: number, high: number];
  /** The largest angle in degrees, either way, by which columns lean. */
  readonly shear: number;
  /** The largest shift either way, as a fraction of the window's side. */
  readonly shift: number;
}

/** The ranges of the method, section 8. */
export const affineDefaults: AffineOptions = { rotation: 180, scale: [0.5, 1.5], shear: 22.5, shift: 1 / 8 };

/** One affine transformation: the content is sheared, scaled and turned about the centre, then shifted. */
export interface AffineParameters {
  /** Degrees, clockwise as seen on the screen. */
  readonly rotation: number;
  readonly scale: number;
  /** Degrees. */
  readonly shear: number;
  /** Pixels to the right. */
  readonly shiftX: number;
  /** Pixels down. */
  readonly shiftY: number;
}

/**
 * Where each output pixel is read from: `sourceX = xx · x + xy · y + x0`, `sourceY = yx · x + yy · y + y0`, all in pixel
 * indices (whole numbers are pixel centres).
 */
export interface SamplingMap {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

export function drawAffine(options: AffineOptions, height: number, width: number, generator: Generator): AffineParameters {
  const { rotation, scale, shear, shift } = options;
  return {
    rotation: generator.uniform(-rotation, rotation),
    scale: generator.uniform(scale[0], scale[1]),
    shear: generator.uniform(-shear, shear),
    shiftX: generator.uniform(-shift, shift) * width,
    shiftY: generator.uniform(-shift, shift) * height,
  };
}

/** The window whose first pixel lies on pixel (left, top) of the source. */
export function windowMap(left: number, top: number): SamplingMap {
  return { xx: 1, xy: 0, x0: left, yx: 0, yy: 1, y0: top };
}

/**
 * The same window [height, width] with its content transformed about the window's centre.
 *
 * The content moves by `scale · R(rotation) · [[1, −tan(shear)], [0, 1]]`, the convention of torchvision's `affine`;
 * reading needs the inverse of that.
 */
export function affineWindowMap(
  parameters: AffineParameters,
  left: number,
  top: number,
  height: number,
  width: number,
): SamplingMap {
  const [cosine, sine] = cosineAndSine(parameters.rotation);
  const lean = Math.tan((parameters.shear * Math.PI) / 180);
  // Inverse of scale · R · shear: (1 / scale) · [[1, lean], [0, 1]] · R(−rotation).
  const xx = (cosine - lean * sine) / parameters.scale;
  const xy = (sine + lean * cosine) / parameters.scale;
  const yx = -sine / parameters.scale;
  const yy = cosine / parameters.scale;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const outputX = centreX + parameters.shiftX;
  const outputY = centreY + parameters.shiftY;
  return {
    xx,
    xy,
    x0: left + centreX - xx * outputX - xy * outputY,
    yx,
    yy,
    y0: top + centreY - yx * outputX - yy * outputY,
  };
}

/** Exact at multiples of 90°, so that such rotations move pixels without mixing them. */
function cosineAndSine(degrees: number): [number, number] {
  const quarters = degrees / 90;
  if (Number.isInteger(quarters)) {
    const quarter = ((quarters % 4) + 4) % 4;
    return [[1, 0, -1, 0][quarter]!, [0, 1, 0, -1][quarter]!];
  }
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle)];
}
