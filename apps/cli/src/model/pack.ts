import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/node";
import { bundleFiles, type BundleManifest, decodeManifest, isBundleFile, type ModelScore, packBundle, type Provenance, scoresOfEvaluation, withoutMachinePaths } from "hidiff";
import { readBundle, writeBundle, writeBundleZip } from "hidiff/node";
import { formatBytes } from "../bench/units.ts";
import { evaluationFiles } from "../evaluate/run.ts";
import { requireNew } from "../files/folder.ts";
import { manifestFile } from "../files/manifest.ts";
import { commandLine } from "../terminal/command-line.ts";
import { Output } from "../terminal/output.ts";
import { findModel } from "./find-model.ts";
import { sizeOf } from "./read-manifest.ts";

export interface PackModelOptions {
  readonly out: string;
  readonly inferenceOnly?: boolean;
  readonly half?: boolean;
  readonly name?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly intendedUse?: string;
  readonly limitation?: string[];
  readonly citation?: string;
  readonly metrics?: string[];
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `hidiff model pack`: a bundle to give away, from a training or another bundle. */
export async function packModel(given: string, options: PackModelOptions): Promise<void> {
  const output = new Output(options);
  const { out, inferenceOnly, half, name, description, licence, intendedUse, limitation, citation, metrics = [] } = options;
  if (options.force !== true) await requireNew(out);
  else await requireBundleOnly(out);
  const { path, run } = await findModel(given);
  const files = await readBundle(path);
  const before = decodeManifest(files[bundleFiles.manifest]!, path);
  const said = Object.entries({ name, description, licence, intendedUse, limitations: limitation, citation }).filter(([, value]) => value !== undefined);
  const provenance = await completeProvenance(before.provenance, run, metrics);
  const packed = await packBundle(files, path, {
    inferenceOnly,
    half,
    description: { ...Object.fromEntries(said), provenance },
    ...(metrics.length === 0 ? {} : { scores: (manifest) => readScores(metrics, manifest) }),
  });
  await (/\.zip$/i.test(out) ? writeBundleZip : writeBundle)(out, packed);
  const manifest = decodeManifest(packed[bundleFiles.manifest]!, out);
  output.emit({ path: out, bytes: sizeOf(manifest), bytesBefore: sizeOf(before), manifest });
  output.print(`${manifest.name}: ${formatBytes(sizeOf(manifest))} in ${out} (${formatBytes(sizeOf(before))} before)`);
  if (before.metrics.length > 0 && manifest.metrics.length === 0) {
    output.note("The scores were left out: they are of weights in single precision. Evaluate the packed model, and pack it again with --metrics.");
  }
}

/** Throws HidiffError `cli.exists` for a folder that holds what is no part of a bundle: replaced, it would be lost. */
async function requireBundleOnly(path: string): Promise<void> {
  const other = (await readdir(path).catch(() => [])).find((name) => !isBundleFile(name));
  if (other !== undefined) throw new HidiffError("cli.exists", `${path} holds ${other}, which is no part of a bundle and would be lost; give another name, or remove it.`);
}

/** The scores of several evaluations of one model. @throws HidiffError as `scoresOfEvaluation`; `model.metrics` for one given twice */
async function readScores(folders: readonly string[], manifest: BundleManifest): Promise<ModelScore[]> {
  const all: ModelScore[] = [];
  for (const folder of folders) {
    const path = join(folder, evaluationFiles.summary);
    const scores = scoresOfEvaluation(await readJson(path), path, manifest);
    const twice = scores.find((score) => all.some((other) => keyOf(other) === keyOf(score)));
    if (twice !== undefined) {
      throw new HidiffError("model.metrics", `${path} scores what another evaluation does, too: ${twice.dataset}, ${twice.split} split. Give one of them.`);
    }
    all.push(...scores);
  }
  return all;
}

function keyOf({ dataset, split, protocol, region, metric, class: ofClass }: ModelScore): string {
  return JSON.stringify([dataset, split, protocol, region, metric, ofClass]);
}

/** What the run manifests of the training and of the evaluations add to a bundle's provenance. */
async function completeProvenance(provenance: Provenance, run: string | undefined, evaluations: readonly string[]): Promise<Provenance> {
  const training = run === undefined ? undefined : await readRun(run);
  const evaluated = await Promise.all(evaluations.map(readRun));
  const commands = [...(provenance.commands ?? []), ...[training, ...evaluated].flatMap((found) => (found?.arguments === undefined ? [] : [publicCommandLine(found.arguments)]))];
  return {
    ...provenance,
    ...(training?.versions === undefined ? {} : { versions: training.versions }),
    ...(training?.startedAt === undefined ? {} : { date: training.startedAt }),
    ...(commands.length === 0 ? {} : { commands: [...new Set(commands)] }),
  };
}

interface RecordedRun {
  readonly arguments?: readonly string[];
  readonly versions?: Readonly<Record<string, string>>;
  readonly startedAt?: string;
}

/** The manifest of a training's or an evaluation's folder, if there is one. */
async function readRun(folder: string): Promise<RecordedRun | undefined> {
  return (await readJson(join(folder, manifestFile)).catch(() => undefined)) as RecordedRun | undefined;
}

/** The command as it is typed, without the paths of the machine, also in `--set key=/path`. */
function publicCommandLine(words: readonly string[]): string {
  return commandLine(words.map((word) => withoutMachinePaths(word.split("=")).join("=")));
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HidiffError("file.read", `${path} is not JSON; write it again.`, { cause: error });
  }
}
