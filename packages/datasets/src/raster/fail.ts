import { HidiffError } from "@hidiff/core-tensor/errors";

/** Throws a HidiffError that names the file and says what is wrong with it. */
export type Fail = (what: string, cause?: unknown) => never;

/** The most pixels that an image may have: as many as sharp allows (16383²). */
export const limitPixels: number = 0x3fff * 0x3fff;

/** Errors `datasets.image` about the file at `path`. */
export function imageFailure(path: string, length: number): Fail {
  return (what, cause) => {
    throw new HidiffError("datasets.image", `readImage: "${path}" (${length} bytes) ${what}. Copy or download the file again, or convert it to PNG.`, { cause });
  };
}

/** Refuses sizes that no image has, before any memory is asked for. */
export function checkSize(width: number, height: number, fail: Fail): void {
  if (!(width >= 1 && height >= 1)) fail(`claims to have ${width}×${height} pixels`);
  if (width * height > limitPixels) fail(`claims to have ${width}×${height} pixels, more than the limit of ${limitPixels}`);
}
