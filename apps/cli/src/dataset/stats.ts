import { writeFileAtomic } from "@hidiff/core-tensor/node";
import type { SegmentationCase } from "@hidiff/datasets";
import { type CaseFacts, type DatasetInspection, inspectDataset } from "@hidiff/datasets/node";
import { classMask, connectedComponents, type Summary, summarize } from "@hidiff/metrics";
import { formatCsv } from "../files/csv.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { formatTable } from "../terminal/table.ts";
import { type DatasetFlags, openFolder } from "./open.ts";
import { countSizes, describeSizes, formatShare, formatSpacing, splitNames, summarizeClasses } from "./summary.ts";

export interface StatsOptions extends DatasetFlags {
  /** Where the table of all cases is written. */
  readonly csv?: string;
  readonly json?: boolean;
}

/** Foreground values looked at per case and channel; taken evenly from all of them. */
const valuesPerCase = 5000;

/** `hidiff dataset stats`: numbers that choose preprocessing, windows and thresholds. */
export async function datasetStatistics(folder: string, options: StatsOptions): Promise<void> {
  const output = new Output(options);
  const { spec, dataset } = await openFolder(folder, options);
  output.note(`Layout: ${spec.name}`);
  const total = splitNames.reduce((sum, split) => sum + dataset.splits[split].length, 0);
  const foregroundValues = Array.from({ length: dataset.imageChannels }, (): number[] => []);
  const objectSizes = new Map<number, number[]>();
  const inspection = await withProgress({ total, unit: "cases" }, (progress) =>
    inspectDataset(dataset, {
      onCase: (done, _total, facts, item) => {
        if (facts !== undefined && item !== undefined) {
          takeForeground(item, facts, foregroundValues);
          countObjects(item, facts, objectSizes);
        }
        progress.update(done, "Reading");
      },
    }),
  );
  const classes = summarizeClasses(inspection).map((summary) => ({ ...summary, objects: summarize(objectSizes.get(summary.label) ?? []) }));
  const channels = foregroundValues.map((values, channel) => describeChannel(inspection, values, channel, dataset.channelNames));
  if (options.csv !== undefined) await writeFileAtomic(options.csv, casesCsv(inspection));
  output.emit({
    folder,
    layout: spec.name,
    cases: Object.fromEntries(splitNames.map((split) => [split, inspection.facts.filter((fact) => fact.split === split).length])),
    unreadable: inspection.unreadable,
    sizes: countSizes(inspection.facts),
    spacings: countSizes(inspection.facts, formatSpacing),
    classes,
    channels,
  });
  printStatistics(output, inspection, classes, channels);
  if (options.csv !== undefined) output.print(`\nEvery case: ${options.csv}`);
  if (inspection.unreadable.length > 0) output.note(`${inspection.unreadable.length} cases cannot be read; \`hidiff dataset check\` says why.`);
}

function takeForeground({ image, labels }: SegmentationCase, { classPixels }: CaseFacts, values: readonly number[][]): void {
  const foreground = classPixels.slice(1).reduce((sum, count) => sum + count, 0);
  const stride = Math.max(1, Math.floor(foreground / valuesPerCase));
  let seen = 0;
  for (let index = 0; index < image.depth; index++) {
    const marks = labels.slice(index);
    if (!marks.some((label) => label !== 0)) continue;
    const slice = image.slice(index);
    for (let pixel = 0; pixel < marks.length; pixel++) {
      if (marks[pixel] === 0 || seen++ % stride !== 0) continue;
      values.forEach((channel, c) => channel.push(slice[pixel * image.channels + c]!));
    }
  }
}

/** The sizes of all connected objects, in pixels or voxels, by class. */
function countObjects({ labels }: SegmentationCase, { classPixels, depth, height, width }: CaseFacts, sizes: Map<number, number[]>): void {
  const area = height * width;
  const map = new Uint8Array(depth * area);
  for (let index = 0; index < depth; index++) map.set(labels.slice(index), index * area);
  const shape = depth === 1 ? [height, width] : [depth, height, width];
  for (let label = 1; label < classPixels.length; label++) {
    if (classPixels[label] === 0) continue;
    const found = connectedComponents(classMask(map, label), { shape }).sizes;
    sizes.set(label, [...(sizes.get(label) ?? []), ...found]);
  }
}

interface ChannelStatistics {
  readonly channel: string;
  /** Of all pixels, in the files' units. */
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Of the foreground's pixels, sampled evenly. */
  readonly foreground: { readonly mean: number; readonly standardDeviation: number; readonly percentile005: number; readonly median: number; readonly percentile995: number } | undefined;
}

function describeChannel({ facts }: DatasetInspection, values: readonly number[], channel: number, names: readonly string[] | undefined): ChannelStatistics {
  const own = facts.map(({ intensities }) => intensities[channel]!);
  const sorted = values.toSorted((a, b) => a - b);
  const at = (fraction: number): number => sorted[Math.round(fraction * (sorted.length - 1))]!;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return {
    channel: names?.[channel] ?? String(channel + 1),
    minimum: own.reduce((low, { minimum }) => Math.min(low, minimum), Infinity),
    maximum: own.reduce((high, { maximum }) => Math.max(high, maximum), -Infinity),
    mean: own.reduce((sum, fact) => sum + fact.mean, 0) / own.length,
    foreground:
      sorted.length === 0
        ? undefined
        : {
            mean,
            standardDeviation: Math.sqrt(sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sorted.length),
            percentile005: at(0.005),
            median: at(0.5),
            percentile995: at(0.995),
          },
  };
}

function casesCsv({ facts, classNames, imageChannels }: DatasetInspection): string {
  const channels = Array.from({ length: imageChannels }, (_, channel) => channel);
  const place = ["case", "split", "group", "depth", "height", "width", "spacing_depth", "spacing_height", "spacing_width"];
  const header = [
    ...place,
    ...channels.flatMap((channel) => ["minimum", "maximum", "mean", "standard_deviation"].map((name) => `${name}_${channel + 1}`)),
    ...classNames.map((name) => `pixels_${name}`),
    "image_sha256",
  ];
  const rows = facts.map(({ id, split, group, depth, height, width, spacing, ...fact }) => [
    id, split, group, depth, height, width,
    ...spacing,
    ...fact.intensities.flatMap(({ minimum, maximum, mean, standardDeviation }) => [minimum, maximum, mean, standardDeviation]),
    ...classNames.map((_, label) => fact.classPixels[label] ?? 0),
    fact.imageHash,
  ]);
  return formatCsv(header, rows);
}

function printStatistics(output: Output, inspection: DatasetInspection, classes: readonly { name: string; cases: number; fraction: number; fractionPerCase: Summary; objects: Summary }[], channels: readonly ChannelStatistics[]): void {
  const { facts, dataset } = inspection;
  const number = (value: number | undefined): string => (value === undefined || !Number.isFinite(value) ? "–" : String(Number(value.toPrecision(4))));
  output.print(output.colours.bold(`${dataset}: ${facts.length} cases`));
  output.print(`Sizes: ${describeSizes(countSizes(facts), 6)}`);
  if (facts.some(({ depth }) => depth > 1)) output.print(`Voxels: ${describeSizes(countSizes(facts, formatSpacing), 6)}`);
  output.print(
    `\n${formatTable(
      ["Class", "Cases", "Share of pixels", "in a case: least", "median", "most", "Objects", "size: least", "median", "most"],
      classes.map(({ name, cases, fraction, fractionPerCase, objects }) => [
        name,
        String(cases),
        formatShare(fraction),
        ...[fractionPerCase.minimum, fractionPerCase.median, fractionPerCase.maximum].map((value) => (value === undefined ? "–" : formatShare(value))),
        ...(objects.count === 0 ? ["–", "–", "–", "–"] : [String(objects.count), number(objects.minimum), number(objects.median), number(objects.maximum)]),
      ]),
    )}`,
  );
  output.print(
    `\n${formatTable(
      ["Channel", "Least", "Mean", "Most", "Foreground: 0.5 %", "median", "99.5 %", "mean", "deviation"],
      channels.map(({ channel, minimum, maximum, mean, foreground }) => [
        channel,
        ...[minimum, mean, maximum].map(number),
        ...[foreground?.percentile005, foreground?.median, foreground?.percentile995, foreground?.mean, foreground?.standardDeviation].map(number),
      ]),
    )}`,
  );
}
