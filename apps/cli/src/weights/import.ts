import { basename } from "node:path";
import { openWeights, selectBackend } from "@hidiff/core-tensor/node";
import { importWeights, weightsKinds } from "hidiff";
import { writeNetwork } from "hidiff/node";
import { stringify } from "yaml";
import { usageError } from "../errors.ts";
import { requireNew } from "../files/folder.ts";
import { assign, parseAssignment } from "../options/assignments.ts";
import { formatDuration } from "../terminal/duration.ts";
import { Output } from "../terminal/output.ts";

export interface ImportOptions {
  readonly as?: string;
  readonly out?: string;
  readonly prefix?: string;
  readonly set?: readonly string[];
  readonly force?: boolean;
  readonly json?: boolean;
}

const formatNames = { safetensors: "safetensors", pytorch: "PyTorch", npz: "NumPy .npz" } as const;

/** `hidiff import`: reads a checkpoint, reports what matched, and writes it as safetensors in HiDiff's own form. */
export async function importCheckpoint(path: string, options: ImportOptions): Promise<void> {
  const output = new Output(options);
  const start = performance.now();
  const out = options.out ?? `${basename(path).replace(/(\.(safetensors|bin|pth?|pt|npz|ckpt)|\.index\.json)+$/i, "")}.safetensors`;
  if (options.force !== true) await requireNew(out);
  await selectBackend({ prefer: "cpu" }); // nothing is computed
  const file = await openWeights(path);
  try {
    const { as, prefix, set = [] } = options;
    const changes = assign({}, set.map(parseAssignment)) as Record<string, unknown>;
    const { module, header, report } = await importWeights(file, { as, prefix, options: changes }).catch((error: unknown) => {
      if (as === undefined && (error as { code?: string }).code === "weights.unknown") {
        throw usageError(`${path} does not say of which network its weights are; say it with --as, one of ${weightsKinds().join(", ")}.`);
      }
      throw error;
    });
    await writeNetwork(out, module, header);
    module.dispose();
    const role = header.network === "hidiff-refiner" ? "refiner" : "segmentor";
    output.emit({ file: path, format: file.format, ...header, ...report, out });
    const { matched, values, types, ignored, random } = report;
    output.print(`${path}: ${formatNames[file.format]}, ${file.entries.size} arrays.`);
    const under = report.prefix === "" ? "" : ` under "${report.prefix}"`;
    output.print(`${header.network}: all ${matched} arrays found${under}, ${values.toLocaleString("en")} numbers (${describeTypes(types)}).`);
    if (random.length > 0) output.print(`Not in the file, and random: ${describeNames(random)}.`);
    if (ignored.length > 0) output.print(`Not used: ${describeNames(ignored)}.`);
    output.print(`Written to ${out} in ${formatDuration((performance.now() - start) / 1000)}. To train with it, put into the configuration:\n`);
    output.print(stringify(configurationFor(role, header.network, header.options, out)).trimEnd());
  } finally {
    await file.close();
  }
}

/** "130 arrays, such as a, b, c". */
function describeNames(names: readonly string[]): string {
  return `${names.length} array${names.length === 1 ? "" : "s"}, such as ${names.slice(0, 3).join(", ")}`;
}

/** "118 F32", "12 F16 and 4 BF16, now F32". */
function describeTypes(types: Readonly<Record<string, number>>): string {
  const counts = Object.entries(types).map(([type, count]) => `${count} ${type}`);
  return `${counts.join(" and ")}${Object.keys(types).every((type) => type === "F32") ? "" : ", now F32"}`;
}

/** What a configuration must say for the weights to fit. */
function configurationFor(role: "segmentor" | "refiner", network: string, options: Readonly<Record<string, unknown>>, out: string): object {
  const training = { initialWeights: { [role]: out } };
  const { imageChannels: _image, classes: _classes, ...own } = options; // the data set tells them
  if (role === "segmentor") return { architecture: { segmentor: { name: network, options: own } }, training };
  const { featureChannels: _features, head: _head, ...refiner } = own; // the segmentor and the diffusion tell these
  return { architecture: { refiner }, training };
}
