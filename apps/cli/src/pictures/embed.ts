import sharp from "sharp";
import type { Picture } from "./maps.ts";

/** A picture inside a page. */
export interface EmbeddedPicture {
  /** Its content as a data URI. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
}

/** Larger pictures are made smaller to this many pixels. */
const longestSide = 640;

/** A picture as WebP. @param lossy for photographs and other pictures of many shades; masks stay exact, unless they are made smaller */
export async function embedPicture({ height, width, channels, data }: Picture, lossy: boolean): Promise<EmbeddedPicture> {
  const exact = !lossy && Math.max(height, width) <= longestSide;
  const { data: content, info } = await sharp(data, { raw: { width, height, channels: channels as 1 | 3 } })
    .resize({ width: longestSide, height: longestSide, fit: "inside", withoutEnlargement: true })
    .webp(exact ? { lossless: true } : { quality: lossy ? 80 : 90, smartSubsample: !lossy })
    .toBuffer({ resolveWithObject: true });
  return { source: webpSource(content), width: info.width, height: info.height };
}

/** A picture's file as lossy WebP. Throws what sharp throws where it cannot be read. */
export async function embedFile(path: string): Promise<EmbeddedPicture> {
  const { data, info } = await sharp(path)
    .resize({ width: longestSide, withoutEnlargement: true })
    .webp({ quality: 80 })
    .toBuffer({ resolveWithObject: true });
  return { source: webpSource(data), width: info.width, height: info.height };
}

/** Many small pictures in one, side by side in rows, as exact WebP. All have the same size and three channels. */
export async function embedSheet(rows: readonly (readonly Picture[])[]): Promise<EmbeddedPicture> {
  const { height, width } = rows[0]![0]!;
  const columns = rows[0]!.length;
  const size = { width: width * columns, height: height * rows.length };
  const data = new Uint8Array(size.width * size.height * 3);
  for (const [down, row] of rows.entries()) {
    for (const [across, picture] of row.entries()) {
      for (let line = 0; line < height; line++) {
        data.set(picture.data.subarray(line * width * 3, (line + 1) * width * 3), ((down * height + line) * size.width + across * width) * 3);
      }
    }
  }
  const content = await sharp(data, { raw: { ...size, channels: 3 } }).webp({ lossless: true }).toBuffer();
  return { source: webpSource(content), ...size };
}

function webpSource(content: Buffer): string {
  return `data:image/webp;base64,${content.toString("base64")}`;
}
