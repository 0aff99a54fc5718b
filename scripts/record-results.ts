/**
 * Records a finished training and its evaluation in `results/`: the figures as JSON, the losses as an SVG, and masks and
 * error maps of the best and the worst image. Usage:
 *
 *     node --conditions=@hidiff/source --import tsx scripts/record-results.ts NAME RUN_FOLDER EVALUATION_FOLDER…
 *
 * Several evaluations, such as one a seed, are put together.
 */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pairedComparison } from "@hidiff/metrics";
import { Generator } from "@hidiff/core-tensor/random";
import { readRunRecords } from "hidiff/node";
import { lossChart, lossSeries } from "../apps/cli/src/report/loss-chart.ts";
import { trainingCourse } from "../apps/cli/src/report/training-course.ts";

interface Case {
  readonly seed: number;
  readonly id: string;
  readonly prior: { readonly dice: number };
  readonly refined: { readonly dice: number };
}

const [name, run, ...evaluations] = process.argv.slice(2) as [string, string, ...string[]];
const results = fileURLToPath(new URL("../results", import.meta.url));
const readJson = async (path: string): Promise<Record<string, unknown>> => JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;

interface Evaluation {
  readonly cases: readonly Case[];
  readonly seeds: readonly number[];
  readonly inference: object;
}
const parts = await Promise.all(evaluations.map(async (folder) => (await readJson(join(folder, "metrics.json"))) as unknown as Evaluation));
const cases = parts.flatMap((part) => part.cases);
const seeds = parts.flatMap((part) => part.seeds);
const { inference } = parts[0]!;
const ids = [...new Set(cases.map(({ id }) => id))];
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values: readonly number[]): number => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) * (values.length / Math.max(1, values.length - 1)));
const round = (value: number): number => Number(value.toFixed(5));

const images = ids.map((id) => {
  const own = cases.filter((scores) => scores.id === id);
  return { id, segmentor: own[0]!.prior.dice, refined: Object.fromEntries(own.map(({ seed, refined }) => [seed, round(refined.dice)])), mean: mean(own.map(({ refined }) => refined.dice)) };
});
const random = new Generator("record-results");
const comparison = pairedComparison(images.map(({ segmentor }) => segmentor), images.map(({ mean: refined }) => refined), { random: () => random.uniform() });
const perSeed = Object.fromEntries(seeds.map((seed) => [seed, round(mean(cases.filter((scores) => scores.seed === seed).map(({ refined }) => refined.dice)))]));
const trained = (await readJson(join(run, "manifest.json"))) as { configuration: { dataset: Record<string, unknown> } } & Record<string, unknown>;
const evaluated = await Promise.all(evaluations.map((folder) => readJson(join(folder, "manifest.json"))));
const { root: _root, ...dataset } = trained.configuration.dataset; // where the data lie is nobody's business

await mkdir(join(results, name), { recursive: true });
const document = {
  segmentor: { dice: round(mean(images.map(({ segmentor }) => segmentor))), standardDeviationOverImages: round(spread(images.map(({ segmentor }) => segmentor))) },
  refined: {
    dice: round(mean(images.map(({ mean: refined }) => refined))),
    standardDeviationOverImages: round(spread(images.map(({ mean: refined }) => refined))),
    perSeed,
    standardDeviationOverSeeds: round(spread(Object.values(perSeed))),
  },
  comparison,
  images: images.map(({ id, segmentor, refined }) => ({ id, segmentor: round(segmentor), refined })),
  inference,
  training: {
    versions: trained["versions"],
    platform: trained["platform"],
    backend: trained["backend"],
    seconds: trained["seconds"],
    configuration: { ...trained.configuration, dataset },
  },
  evaluation: evaluated.map((manifest) => ({ backend: manifest["backend"], seconds: manifest["seconds"] })),
};
await writeFile(join(results, `${name}.json`), `${JSON.stringify(document, null, 2)}\n`);

const colours = ["#4363d8", "#d9730d", "#8250df"];
const course = trainingCourse(await readRunRecords(run));
const style = [
  "text{font:12px sans-serif;fill:#555}.grid{stroke:#ddd}.mark{stroke:#999;stroke-dasharray:4 4}.curve{fill:none;stroke-width:1.5}",
  ...colours.map((colour, index) => `.series-${index}{stroke:${colour}}`),
].join("");
const legend = course.losses.map(({ name: curve }, index) => `<text x="${60 + 230 * index}" y="316" style="fill:${colours[index]}">${curve}</text>`).join("");
const svg = lossChart(course, lossSeries(course, false), { width: 760, height: 300 })
  .replace("0 0 760 300", "0 0 760 324") // the legend stands below
  .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
  .replace(/(<svg[^>]*>)/, `$1<style>${style}</style>${legend}`);
await writeFile(join(results, name, "losses.svg"), svg);

const byGain = images.toSorted((a, b) => a.mean - a.segmentor - (b.mean - b.segmentor));
for (const [which, { id }] of [["worst", byGain[0]!], ["best", byGain.at(-1)!]] as const) {
  for (const kind of ["prior_mask", "refined_mask", "prior_errors", "refined_errors"]) {
    const picture = parts[0]!.seeds.length === 1 ? id : `${id}_seed${seeds[0]}`;
    await copyFile(join(evaluations[0]!, "pictures", `${picture}_${kind}.png`), join(results, name, `${which}_${id}_${kind}.png`));
  }
}
console.log(document.segmentor, document.refined, comparison, byGain[0]!.id, byGain.at(-1)!.id);
