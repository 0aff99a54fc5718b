/**
 * Compares two evaluations of one model, such as by the packed engine and by the training graph: the pixels on which their
 * refined masks agree, and every metric.
 *
 * node --conditions=@hidiff/source --import tsx scripts/compare-engines.ts FOLDER OTHER-FOLDER
 *
 * Both folders were written by `hidiff evaluate --pictures` with the same seed.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readImage } from "@hidiff/datasets/node";

interface Evaluation {
  readonly engine: { readonly name: string };
  readonly metrics: Readonly<Record<string, { readonly prior: { readonly mean: number }; readonly refined: { readonly mean: number } }>>;
}

const [folder, other] = process.argv.slice(2);
if (folder === undefined || other === undefined) throw new Error("Usage: compare-engines.ts FOLDER OTHER-FOLDER");
const folders = [folder, other];
const evaluations = await Promise.all(folders.map(async (path) => JSON.parse(await readFile(join(path, "metrics.json"), "utf8")) as Evaluation));

const masks = (await readdir(join(folder, "pictures"))).filter((name) => name.endsWith("_refined_mask.png"));
let differing = 0;
let pixels = 0;
let worst = { name: "", fraction: 1 };
for (const name of masks) {
  const [a, b] = (await Promise.all(folders.map((path) => readImage(join(path, "pictures", name))))) as [Awaited<ReturnType<typeof readImage>>, Awaited<ReturnType<typeof readImage>>];
  const differences = a.data.reduce((sum, value, index) => sum + (value === b.data[index] ? 0 : 1), 0);
  differing += differences;
  pixels += a.data.length;
  const fraction = 1 - differences / a.data.length;
  if (fraction < worst.fraction) worst = { name, fraction };
}
const percent = (fraction: number): string => `${(100 * fraction).toFixed(4)} %`;
console.log(`${masks.length} refined masks agree on ${percent(1 - differing / pixels)} of their pixels; the least on ${percent(worst.fraction)} (${worst.name}).`);
console.table(
  Object.fromEntries(
    Object.keys(evaluations[0]!.metrics).map((metric) => [
      metric,
      Object.fromEntries(evaluations.map(({ engine, metrics }) => [engine.name, metrics[metric]!.refined.mean.toFixed(5)])),
    ]),
  ),
);
