import { describePreprocessing } from "@hidiff/datasets";
import { type BundleManifest, type ModelScore, unspecifiedLicence } from "hidiff";
import { formatBytes } from "../bench/units.ts";
import type { MaskMetrics } from "@hidiff/metrics";
import { presentMetrics } from "../evaluate/metrics.ts";
import { formatTable } from "../terminal/table.ts";
import { plainText, sizeOf } from "./read-manifest.ts";

const width = 16;

/** A model's card as text: what it is for, its limits, what it was made of and what it scored. */
export function modelCard(manifest: BundleManifest, bold: (text: string) => string): string {
  const facts: [string, readonly string[]][] = [
    ["Intended use", [manifest.intendedUse || "not stated"]],
    ["Limitations", manifest.limitations.length === 0 ? ["none stated"] : manifest.limitations],
    ["Images", images(manifest)],
    ["Classes", [manifest.classes.filter(({ label }) => label > 0).map(({ label, name }) => `${label} ${name}`).join(", ") || "not named"]],
    ["Preprocessing", describePreprocessing(manifest.preprocessing.steps)],
    ["Networks", networks(manifest)],
    ["Training", training(manifest)],
    ["Licence", [manifest.licence === unspecifiedLicence ? "not specified; ask its author before you use or share it" : manifest.licence]],
    ["Citation", manifest.citation === undefined ? [] : [manifest.citation]],
    ["Files", [...Object.entries(manifest.sizes).map(([file, size]) => `${file}, ${formatBytes(size)}`), `${formatBytes(sizeOf(manifest))} in all`]],
  ];
  const lines = facts.flatMap(([title, values]) => values.map((value, index) => `${(index === 0 ? title : "").padEnd(width)}${plainText(value)}`));
  return [bold(plainText(manifest.name)), ...(manifest.description === "" ? [] : [plainText(manifest.description)]), "", ...lines, ...scoreTables(manifest)].join("\n");
}

function images({ architecture, channelNames, preprocessing: { volumes } }: BundleManifest): string[] {
  const { imageChannels } = architecture;
  const channels = channelNames === undefined ? `${imageChannels} channel${imageChannels === 1 ? "" : "s"}` : `channels ${channelNames.join(", ")}`;
  return [volumes === undefined ? channels : `${volumes.plane} slices of volumes, ${channels}`];
}

function networks({ architecture: { segmentor, refiner, diffusion }, inference, checksums }: BundleManifest): string[] {
  const forInference = "refiner.safetensors" in checksums ? [] : ["for inference only: no weights to train on or export"];
  return [
    `segmentor ${segmentor.name}; ${refiner.kind} refiner, ${refiner.precision}, base width ${refiner.baseWidth}`,
    `${inference.samples} samples of ${inference.steps ?? diffusion.steps} steps, temperature ${inference.temperature}`,
    ...forInference,
  ];
}

function training({ provenance: { dataset, images: counts, seed, date, versions, commands = [], importedFrom } }: BundleManifest): string[] {
  const about = [
    ...(dataset === undefined ? [] : [dataset]),
    ...(counts === undefined ? [] : [`${counts.train} images to train on, ${counts.validation} to validate on, ${counts.test} to test on`]),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
    ...(date === undefined ? [] : [date.slice(0, 10)]),
    ...(versions?.["hidiff"] === undefined ? [] : [`hidiff ${versions["hidiff"]}`]),
  ];
  const lines = [...(about.length === 0 ? [] : [about.join("; ")]), ...commands, ...(importedFrom === undefined ? [] : [`weights from ${importedFrom}`])];
  return lines.length === 0 ? ["not stated"] : lines;
}

/** A table for each data set, split and way of scoring. */
function scoreTables({ metrics: scores, preprocessing }: BundleManifest): string[] {
  const kind = preprocessing.volumes === undefined ? "image" : "volume";
  return [...new Set(scores.map((score) => titleOf(score, kind)))].flatMap((title) => {
    const own = scores.filter((score) => titleOf(score, kind) === title);
    const metrics = presentMetrics(Object.fromEntries(own.map(({ metric }) => [metric, 0])) as unknown as MaskMetrics).filter(({ shown }) => shown);
    const rows = [...new Set(own.map((score) => score.class))].flatMap((ofClass) =>
      metrics.flatMap(({ name, label, decimals }) => {
        const score = own.find(({ metric, class: its }) => metric === name && its === ofClass);
        if (score === undefined) return [];
        const cells = [score.segmentor, score.refined].map(
          ({ mean, standardDeviation }) => mean.toFixed(decimals) + (standardDeviation === undefined ? "" : ` ± ${standardDeviation.toFixed(decimals)}`),
        );
        return [[plainText(ofClass === undefined ? label : `${ofClass}: ${label}`), ...cells]];
      }),
    );
    return ["", plainText(title), formatTable(["", "Segmentor alone", "Refined"], rows)];
  });
}

function titleOf({ dataset, split, images: count, protocol, region }: ModelScore, kind: "image" | "volume"): string {
  const how = [...(protocol === "slice" ? ["slice by slice"] : []), ...(region === "field-of-view" ? ["within the camera's field of view"] : [])];
  return [`Scores on ${dataset}, ${split} split, ${count} ${kind}${count === 1 ? "" : "s"}`, ...how].join(", ");
}
