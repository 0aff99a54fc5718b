/** The file name extensions of the two-dimensional formats that are read, in lower case with their dot. */
export const imageExtensions: readonly string[] = [
  ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm", ".webp",
];

/** Whether a path has the extension of a two-dimensional image, in upper or lower case. */
export function isImagePath(path: string): boolean {
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  const dot = name.lastIndexOf(".");
  return dot > 0 && imageExtensions.includes(name.slice(dot).toLowerCase());
}
