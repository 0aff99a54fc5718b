import { formatBytes, threeDigits } from "../bench/units.ts";
import type { Output } from "../terminal/output.ts";
import { formatTable } from "../terminal/table.ts";
import type { DoctorReport } from "./report.ts";

const barWidth = 20;

/** The report for people. */
export function printReport(output: Output, report: DoctorReport): void {
  const { bold, red, dim } = output.colours;
  const { versions, machine, backends, chosen, reason, images, models, advice } = report;
  const { "@hidiff/cli": own, node, ...others } = versions;
  output.print(bold(`hidiff ${own}, Node.js ${node}, ${machine.platform}`));
  output.print(`${machine.processor}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}; memory ${formatBytes(machine.memoryBytes)}, ${formatBytes(machine.freeMemoryBytes)} free` +
    (machine.freeDiskBytes === undefined ? "" : `; ${formatBytes(machine.freeDiskBytes)} free on this disk`));
  output.print(`NVIDIA processors: ${machine.gpus.join("; ") || "none found"}`);
  output.print(`Packages: ${Object.entries(others).map(([name, version]) => `${name} ${version}`).join(", ")}\n`);

  output.print(backendTable(output, report));
  output.print(dim("Training: iterations a second of hidiff demo. Images: of 256×256 pixels a second, the networks of drive-small, one sample."));
  for (const { name, reason: why, capabilities } of backends) {
    output.print(dim(`  ${name}: ${why}${capabilities?.problem === undefined ? "" : `; it cannot train: ${capabilities.problem}`}`));
  }
  output.print(chosen === undefined ? `\n${red("No backend can be used")}: ${reason}` : `\nUsed: ${bold(chosen)} (${reason})`);
  output.print(`Refinement: ${describeEngine(report)}`);
  output.print(`Images: ${images.working ? `sharp ${images.sharp} with libvips ${images.libvips} reads ${images.formats.join(", ")}` : red(images.problem!)}`);
  output.print(`Models: ${[...models.shipped, ...models.cached].join(", ") || "none by name"}; cache ${models.cache.folder}, ${formatBytes(models.cache.bytes)}`);
  if (advice.length > 0) output.print();
  for (const line of advice) output.print(`→ ${line}`);
}

function backendTable(output: Output, { backends, chosen }: DoctorReport): string {
  const { bold, green, red } = output.colours;
  const mark = (good: boolean): string => (good ? green("yes") : red("no"));
  const [fastestTraining, fastestImages] = [
    Math.max(...backends.map(({ speed }) => speed?.trainingSteps ?? 0)),
    Math.max(...backends.map(({ speed }) => speed?.images ?? 0)),
  ];
  const rows = backends.map(({ name, loaded, capabilities, speed }) => [
    name === chosen ? bold(name) : name,
    mark(loaded),
    capabilities === undefined ? "–" : mark(capabilities.trains),
    ...(speed === undefined
      ? ["–", "", "–", ""]
      : [threeDigits(speed.trainingSteps), bar(speed.trainingSteps / fastestTraining), threeDigits(speed.images), bar(speed.images / fastestImages)]),
  ]);
  return formatTable(["Backend", "Loads", "Trains", "Training/s", "", "Images/s", ""], rows);
}

/** A bar of fixed width, so that a table aligns it to the left. @param share of the longest, in [0, 1] */
function bar(share: number): string {
  return "█".repeat(Math.max(1, Math.round(share * barWidth))).padEnd(barWidth, " ");
}

function describeEngine({ backends, chosen }: DoctorReport): string {
  const engine = (backends.find(({ name }) => name === chosen) ?? backends.find(({ speed }) => speed !== undefined))?.speed?.engine;
  if (engine === undefined) return "not measured";
  if (engine.name === "graph") return `on the backend itself, for the packed engine does not work: ${engine.reason}`;
  return `packed engine, ${engine.threads} ${engine.threads === 1 ? "thread" : "threads"}, ${engine.simd === "relaxed" ? "relaxed SIMD" : "SIMD without the relaxed instructions"}`;
}
