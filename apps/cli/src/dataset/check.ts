import { HidiffError } from "@hidiff/core-tensor/errors";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import { dirname } from "node:path";
import type { SegmentationDataset } from "@hidiff/datasets";
import { type CaseFacts, type DatasetInspection, type Finding, inspectDataset } from "@hidiff/datasets/node";
import sharp from "sharp";
import { makeFolder } from "../files/folder.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { formatTable } from "../terminal/table.ts";
import { outlineColours } from "./class-colours.ts";
import { type DatasetFlags, openWhatIsSound } from "./open.ts";
import { buildCheckPage, type SheetPicture } from "./page.ts";
import { countSizes, describeSizes, formatShare, formatSpacing, splitNames, summarizeClasses } from "./summary.ts";
import { thumbnail } from "./thumbnail.ts";

export interface CheckOptions extends DatasetFlags {
  readonly out: string;
  /** How many cases the contact sheet shows, besides those that something was found of. */
  readonly pictures: number;
  readonly json?: boolean;
}

/** How many cases with findings are shown at most. */
const mostSuspects = 24;

/**
 * `hidiff dataset check`: reads every case, tells what was found, and makes a page with a contact sheet.
 *
 * @throws HidiffError `dataset.findings` in the end if there are errors
 */
export async function checkDataset(folder: string, options: CheckOptions): Promise<void> {
  const output = new Output(options);
  const { spec, dataset, problem } = await openWhatIsSound(folder, options);
  output.note(`Layout: ${spec.name}`);
  const total = splitNames.reduce((sum, split) => sum + dataset.splits[split].length, 0);
  const found = await withProgress({ total, unit: "cases" }, (progress) =>
    inspectDataset(dataset, { onCase: (done) => progress.update(done, "Reading") }),
  );
  const inspection = problem === undefined ? found : { ...found, findings: [cannotBeOpened(problem), ...found.findings] };
  const chosen = chooseCases(inspection, options.pictures);
  const pictures = await withProgress({ total: chosen.length, unit: "cases" }, (progress) =>
    drawSheet(chosen, dataset, outlineColours(inspection), (done) => progress.update(done, "Drawing")),
  );
  await makeFolder(dirname(options.out));
  await writeFileAtomic(options.out, buildCheckPage({ folder, layout: spec.name, inspection, pictures, splits: dataset.splits }));

  const errors = inspection.findings.filter(({ severity }) => severity === "error").length;
  output.emit({
    folder,
    layout: spec.name,
    spec,
    cases: Object.fromEntries(splitNames.map((split) => [split, dataset.splits[split].length])),
    unreadable: inspection.unreadable,
    classes: summarizeClasses(inspection),
    sizes: countSizes(inspection.facts),
    findings: inspection.findings,
    page: options.out,
  });
  printReport(output, inspection);
  output.print(`\nLook at it: ${options.out}`);
  if (errors > 0) {
    const count = errors === 1 ? "1 error was" : `${errors} errors were`;
    throw new HidiffError("dataset.findings", `${count} found in ${folder}; see above and ${options.out}.`);
  }
}

async function drawSheet(
  chosen: readonly CaseFacts[],
  dataset: SegmentationDataset,
  colours: ReturnType<typeof outlineColours>,
  onPicture: (done: number) => void,
): Promise<SheetPicture[]> {
  const pictures: SheetPicture[] = [];
  for (const fact of chosen) {
    const { data, width, height } = await thumbnail(await dataset.load(fact.id), fact.bestSlice, colours);
    const jpeg = await sharp(data, { raw: { width, height, channels: 3 } }).jpeg({ quality: 85 }).toBuffer();
    pictures.push({ fact, width, height, source: `data:image/jpeg;base64,${jpeg.toString("base64")}` });
    onPicture(pictures.length);
  }
  return pictures;
}

/** Files that were left out here keep every other command from opening the data set. */
function cannotBeOpened({ message }: HidiffError): Finding {
  return { severity: "error", kind: "unreadable", message: `The data set cannot be opened as it is. ${message}`, cases: [] };
}

/** Cases with findings first, then others, evenly over the data set. */
function chooseCases({ facts, findings }: DatasetInspection, count: number): CaseFacts[] {
  const concerned = new Set(findings.flatMap(({ cases }) => cases));
  const suspects = facts.filter(({ id }) => concerned.has(id)).slice(0, mostSuspects);
  const others = facts.filter(({ id }) => !concerned.has(id));
  const shown = Math.min(count, others.length);
  return [...suspects, ...Array.from({ length: shown }, (_, index) => others[Math.floor((index * others.length) / shown)]!)];
}

function printReport(output: Output, inspection: DatasetInspection): void {
  const { bold, red, yellow } = output.colours;
  const { facts, findings, dataset } = inspection;
  output.print(bold(`${dataset}: ${facts.length} cases read`));
  const rows = splitNames.map((split) => {
    const members = facts.filter((fact) => fact.split === split);
    return [split, String(members.length), members.length === 0 ? "–" : describeSizes(countSizes(members), 2)];
  });
  output.print(formatTable(["Split", "Cases", "Sizes"], rows));
  if (facts.some(({ depth }) => depth > 1)) output.print(`Voxels: ${describeSizes(countSizes(facts, formatSpacing))}`);
  output.print();
  output.print(
    formatTable(
      ["Class", "Name", "Cases", "Share of pixels"],
      summarizeClasses(inspection).map(({ label, name, cases, fraction }) => [String(label), name, String(cases), formatShare(fraction)]),
    ),
  );
  output.print();
  if (findings.length === 0) output.print("Nothing suspicious was found.");
  for (const { severity, message, cases } of findings) {
    const label = severity === "error" ? red("error") : yellow("warning");
    output.print(`${label}: ${message}${listCases({ message, cases })}`);
  }
}

/** The first cases that a finding concerns, unless its message names them. */
function listCases({ message, cases }: Pick<Finding, "message" | "cases">): string {
  if (cases.length === 0 || message.includes(cases[0]!)) return "";
  return ` (${cases.slice(0, 5).join(", ")}${cases.length > 5 ? ", …" : ""})`;
}
