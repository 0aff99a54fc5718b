export type ImageFormat = "PNG" | "JPEG" | "TIFF" | "GIF" | "WebP" | "BMP" | "Netpbm";

/** What the first bytes of a file say that it is, whatever its name says; undefined for everything that is not read. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (text.startsWith("\xff\xd8\xff")) return "JPEG";
  if (/^(II[*+]\0|MM\0[*+])/.test(text)) return "TIFF"; // classic and BigTIFF
  if (/^GIF8[79]a/.test(text)) return "GIF";
  if (/^RIFF....WEBP/s.test(text)) return "WebP";
  if (text.startsWith("BM")) return "BMP";
  if (/^P[1-6][\s#]/.test(text)) return "Netpbm";
  return undefined;
}
