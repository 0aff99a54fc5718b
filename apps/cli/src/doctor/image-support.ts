/** Which image files can be read. */
export interface ImageSupport {
  readonly working: boolean;
  readonly formats: readonly string[];
  readonly sharp?: string;
  readonly libvips?: string;
  readonly problem?: string;
}

const wanted = ["png", "jpeg", "tiff", "gif", "webp"] as const;

/** Asks the image library what it reads. */
export async function imageSupport(): Promise<ImageSupport> {
  try {
    const { default: sharp } = await import("sharp");
    const formats = wanted.filter((name) => sharp.format[name]?.input.buffer === true);
    return { working: formats.length > 0, formats, sharp: sharp.versions.sharp ?? "", libvips: sharp.versions.vips };
  } catch (error) {
    const message = (error as Error).message.split("\n")[0]!;
    return { working: false, formats: [], problem: `images cannot be read or written: ${message}` };
  }
}
