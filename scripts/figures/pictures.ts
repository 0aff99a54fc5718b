import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePng } from "@hidiff/datasets/node";

/** A grey picture, of values in [0, 1], or a coloured one, of values in [−1, 1], as a PNG in a data URL. */
export async function dataUrl(values: ArrayLike<number>, side: number): Promise<string> {
  const channels = values.length / (side * side);
  const data = Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, channels === 3 ? (value + 1) / 2 : value))));
  const folder = await mkdtemp(join(tmpdir(), "hidiff-figure-"));
  try {
    await writePng(join(folder, "picture.png"), { height: side, width: side, channels, data });
    return `data:image/png;base64,${(await readFile(join(folder, "picture.png"))).toString("base64")}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
