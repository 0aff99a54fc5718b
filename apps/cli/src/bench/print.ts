import { type BenchmarkName, type ComparedMeasurement, type MeasuredEngine, type Measurement, refinerEngines } from "hidiff";
import type { Output } from "../terminal/output.ts";
import { formatTable } from "../terminal/table.ts";
import type { Machine } from "./machine.ts";
import type { ConfigurationReport } from "./report.ts";
import { formatBytes, formatCount, formatSeconds, threeDigits } from "./units.ts";

export const engineNames: Readonly<Record<MeasuredEngine | "preparation", string>> = {
  preparation: "packed, once per image",
  packed: "packed engine",
  graphBinary: "graph engine, binary",
  graphReal: "graph engine, real-valued twin",
};

const titles: Readonly<Record<BenchmarkName, string>> = { paper: "The paper's refiner", small: "The small refiner (drive-small)" };

/** The machine, and what the comparison means with this backend. */
export function printMachine(output: Output, { processor, cores, node, platform }: Machine, backend: string): void {
  output.print(`${processor}, ${cores} core${cores === 1 ? "" : "s"}; Node.js ${node}, ${platform}; graph engine and segmentor on ${backend}, with threads of its own.`);
  const remark = backendRemark(backend);
  if (remark !== undefined) output.print(output.colours.yellow(remark));
}

/** What must be known of a backend other than the native one on the processor. */
export function backendRemark(backend: string): string | undefined {
  if (backend === "tfjs-node") return undefined;
  if (backend === "tfjs-node-gpu") return "The graph engine may use the graphics processor here; the packed engine uses the processor alone.";
  return `This is not the native backend: the graph engine is slower on ${backend}, so that the ratios flatter the packed engine.`;
}

export function printConfiguration(output: Output, report: ConfigurationReport): void {
  const { bold, dim } = output.colours;
  const { name, size, steps, segmentor, refiner, packedEngine, operations } = report;
  const { binary, float } = operations;
  const options = Object.entries(segmentor.options).map(([key, value]) => `${key} ${String(value)}`);
  output.print(`\n${bold(titles[name])}: base width ${refiner.baseWidth}, image ${size}×${size}, image channels ${refiner.imageChannels}, classes ${refiner.classes}, T = ${steps}`);
  output.print(`Segmentor ${segmentor.name} (${options.join(", ") || "default widths"}): feature maps of ${refiner.featureChannels.join(", ")} channels.`);
  output.print(`Packed engine: ${packedEngine.threads} thread${packedEngine.threads === 1 ? "" : "s"}, ${packedEngine.simd} SIMD.`);
  output.print(
    `Multiply-adds (MAC) of a step: ${formatCount(binary)} binary; float ${formatCount(float.image)} of the image alone, ` +
      `${formatCount(float.imageAndStep)} of image and step, ${formatCount(float.mask)} of the latent mask.`,
  );
  output.print(`\n${stepTable(report)}`);
  output.print(`\n${inferenceTable(report)}`);
  output.print(`\n${memoryTable(report)}`);
  output.print(
    dim(
      "MAC are counted from the architecture, the refiner's alone, as if all convolutions were computed directly. The packed engine\n" +
        "computes what depends on the image alone once; the graph engine everything in every step, products of signs as floats.",
    ),
  );
}

const timeColumns = ["Median", "Least – most", "Rounds", "× packed", "Binary MAC", "Float MAC", "10⁹ binary MAC/s"] as const;

export function stepTable({ step, preparation }: Pick<ConfigurationReport, "step" | "preparation">): string {
  const rows = [...comparedRows(step), [engineNames.preparation, ...timeCells(preparation, "")]];
  return formatTable(["One step, image prepared", ...timeColumns], rows);
}

export function inferenceTable({ inference, steps }: Pick<ConfigurationReport, "inference" | "steps">): string {
  return formatTable([`Inference: segmentor, ${steps} steps`, ...timeColumns], comparedRows(inference));
}

export function memoryTable({ memory, fileBytes }: Pick<ConfigurationReport, "memory" | "fileBytes">): string {
  const rows = refinerEngines.map((engine) => {
    const { peakBytes, startBytes, engineBytes } = memory[engine];
    const file = engine === "packed" ? fileBytes.packed : fileBytes.float;
    return [engineNames[engine], formatBytes(peakBytes), formatBytes(startBytes), engineBytes === undefined ? "–" : formatBytes(engineBytes), formatBytes(file)];
  });
  return formatTable(["Refiner alone", "Peak of its process", "At its start", "Engine's own", "File"], rows);
}

function comparedRows(measurements: Readonly<Record<MeasuredEngine, ComparedMeasurement>>): string[][] {
  return refinerEngines.map((engine) => [engineNames[engine], ...timeCells(measurements[engine], threeDigits(measurements[engine].timesPacked))]);
}

function timeCells({ seconds, operations, gigaBinaryPerSecond }: Measurement, timesPacked: string): string[] {
  const { median, minimum, maximum, rounds } = seconds;
  return [
    formatSeconds(median),
    `${formatSeconds(minimum)} – ${formatSeconds(maximum)}`,
    String(rounds),
    timesPacked,
    formatCount(operations.binary),
    formatCount(operations.float),
    operations.binary === 0 ? "–" : threeDigits(gigaBinaryPerSecond),
  ];
}
