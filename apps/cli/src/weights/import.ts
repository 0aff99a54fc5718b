import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { openWeights, selectBackend } from "@hidiff/core-tensor/node";
import { describeNames, importWeights, refinerKind, weightsKinds } from "hidiff";
import { writeNetwork } from "hidiff/node";
import { stringify } from "yaml";
import { formatBytes } from "../bench/units.ts";
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

/** Larger files, in bytes, take some seconds. */
const largeFile = 1e8;

const formatNames = { safetensors: "safetensors", pytorch: "PyTorch", npz: "NumPy .npz" } as const;

/** `hidiff import`: reads a checkpoint, reports what matched, and writes it as safetensors in HiDiff's own form. */
export async function importCheckpoint(path: string, options: ImportOptions): Promise<void> {
  const output = new Output(options);
  const start = performance.now();
  const out = options.out ?? `${basename(path).replace(/(\.(safetensors|bin|pth?|npz|ckpt|tar)|\.index\.json)+$/i, "")}.safetensors`;
  if (resolve(out) === resolve(path)) throw usageError(`${path} is the file that is read, too; give another name with --out.`);
  if (options.force !== true) await requireNew(out);
  const { size } = await stat(path).catch(() => ({ size: 0 })); // opening it tells what is wrong
  if (size > largeFile) output.note(`Reading ${path}, ${formatBytes(size)}`);
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
    const role = header.network === refinerKind ? "refiner" : "segmentor";
    output.emit({ file: path, format: file.format, ...header, ...report, out });
    const { matched, values, types, ignored, unexpected, random } = report;
    output.print(`${path}: ${formatNames[file.format]}, ${file.entries.size} arrays.`);
    const under = report.prefix === "" ? "" : ` under "${report.prefix}"`;
    output.print(`${header.network}: all ${matched} arrays found${under}, ${values.toLocaleString("en")} numbers (${describeTypes(types)}).`);
    if (random.length > 0) output.print(`Not in the file, and random: ${describeNames(random)}.`);
    if (ignored.length > 0) output.print(`Not used: ${describeNames(ignored)}.`);
    if (unexpected.length > 0) {
      output.note(`warning: ${path} has ${describeNames(unexpected)}, which ${header.network} does not have: the file's network may compute something else.`);
    }
    output.print(`Written to ${out} in ${formatDuration((performance.now() - start) / 1000)}. To train with it, put into the configuration:\n`);
    output.print(stringify(configurationFor(role, header.network, header.options, out)).trimEnd());
  } finally {
    await file.close();
  }
}

/** "F32", "F16, now F32", "12 arrays F16 and 4 BF16, now F32". */
function describeTypes(types: Readonly<Record<string, number>>): string {
  const names = Object.keys(types);
  const counts = Object.entries(types).map(([type, count], index) => `${count}${index === 0 ? " arrays" : ""} ${type}`);
  return `${names.length === 1 ? names[0] : counts.join(" and ")}${names.every((type) => type === "F32") ? "" : ", now F32"}`;
}

/** What a configuration must say for the weights to fit. */
function configurationFor(role: "segmentor" | "refiner", network: string, options: Readonly<Record<string, unknown>>, out: string): object {
  const training = { initialWeights: { [role]: out } };
  const { imageChannels: _image, classes: _classes, ...own } = options; // the data set tells them
  if (role === "segmentor") return { architecture: { segmentor: { name: network, options: own } }, training };
  const { featureChannels: _features, head: _head, ...refiner } = own; // the segmentor and the diffusion tell these
  return { architecture: { refiner }, training };
}
