import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { exists } from "@hidiff/core-tensor/node";
import type { HiDiff } from "hidiff";
import { stopped } from "../errors.ts";
import type { PredictionCase } from "./cases.ts";
import { checksum } from "./checksum.ts";
import { measureCase } from "./measure-case.ts";
import { readCase, readCasePrior } from "./read-case.ts";
import type { Records } from "./records.ts";
import type { CaseResult, InputResult } from "./result.ts";
import { type CaseSettings, settingsChecksum } from "./settings.ts";
import { type PlannedFile, planResults } from "./write-results.ts";

export interface CaseOptions extends CaseSettings {
  readonly out: string;
  readonly records: Records;
  /** Whether files that somebody else wrote may be replaced. */
  readonly overwrite: boolean;
  /** The paths of all inputs as the file system knows them: none is ever replaced. */
  readonly inputs: ReadonlySet<string>;
  /** The file of the input's prior. */
  readonly priorPath: string | undefined;
  readonly onProgress: (fraction: number) => Promise<void>;
}

/** The result of a case that an earlier run did, or undefined where it is to be done: anew, if anything changed. */
export async function finishedCase(model: HiDiff, input: PredictionCase, options: Omit<CaseOptions, "onProgress">): Promise<InputResult | undefined> {
  if (input.problem !== undefined) return undefined;
  let checksums: readonly string[] = [];
  const compute = async (): Promise<readonly string[]> => (checksums = await checksumsOf(input, options.priorPath));
  try {
    const result = await options.records.finished(input.name, settingsChecksum(model, options), compute);
    return result === undefined ? undefined : { ...describeInput(input, options.priorPath), sha256: checksums[0]!, doneBefore: true, ...result };
  } catch (error) {
    if (isHidiffError(error)) return undefined; // told when it is its turn
    throw error;
  }
}

/**
 * Segments a case and writes its files. The record that these are this command's comes before them, and that they are
 * complete after them: killed at any moment, the next run knows what to do.
 *
 * @throws HidiffError `cli.stopped`, and `file.write`, which the next case would meet as well; other errors are the result
 */
export async function predictCase(model: HiDiff, input: PredictionCase, options: CaseOptions): Promise<InputResult> {
  const start = performance.now();
  const { priorPath, records, out, seed, inference } = options;
  const described = describeInput(input, priorPath);
  let checksums: readonly string[] = [];
  try {
    if (input.problem !== undefined) throw new HidiffError("cli.channels", input.problem);
    checksums = await checksumsOf(input, priorPath);
    const found = await readCase(input, model.manifest);
    const plan = planResults(input.name, found, model.manifest, options);
    const own = records.files();
    await checkPlan(plan, own, options);
    const prior = priorPath === undefined ? undefined : await readCasePrior(priorPath, found, model.manifest);
    const maps = (["probability", "uncertainty"] as const).filter((name) => options[name] === true);
    const segmentation = await model.segment(found.image, { ...inference, seed, prior, maps, onProgress: options.onProgress });
    const before = records.get(input.name)?.files ?? [];
    const names = plan.map(({ name }) => name);
    const record = { case: input.name, settings: settingsChecksum(model, options), checksums, files: [...new Set([...names, ...before])] };
    await records.write(record);
    for (const { name, write } of plan) await write(join(out, name), segmentation);
    const { depth, height, width } = found.image;
    const result: CaseResult = {
      width,
      height,
      ...(found.volume === undefined ? {} : { depth }),
      seconds: (performance.now() - start) / 1000,
      classes: measureCase(found, segmentation, model.manifest, options.pixelSize),
      files: names,
    };
    await records.write({ ...record, result });
    return { ...described, sha256: checksums[0]!, ...result };
  } catch (error) {
    if (!isHidiffError(error) || error.code === stopped || error.code === "file.write") throw error;
    return { ...described, ...(checksums.length === 0 ? {} : { sha256: checksums[0]! }), error: error.message };
  }
}

function describeInput({ name, paths }: PredictionCase, priorPath: string | undefined): Pick<InputResult, "case" | "input" | "channels" | "prior"> {
  return {
    case: name,
    input: paths[0]!,
    ...(paths.length === 1 ? {} : { channels: paths }),
    ...(priorPath === undefined ? {} : { prior: priorPath }),
  };
}

async function checksumsOf({ paths }: PredictionCase, priorPath: string | undefined): Promise<string[]> {
  return [await checksum(paths), ...(priorPath === undefined ? [] : [await checksum([priorPath])])];
}

/** No input, and nothing that somebody else made, is replaced by a result. */
async function checkPlan(plan: readonly PlannedFile[], own: ReadonlySet<string>, { out, inputs, overwrite }: CaseOptions): Promise<void> {
  for (const { name } of plan) {
    const path = join(out, name);
    if (!(await exists(path))) continue;
    if (inputs.has(await realpath(path))) throw new HidiffError("cli.exists", `${path} is an input itself; choose another folder with --out.`);
    if (own.has(name) || overwrite) continue;
    throw new HidiffError("cli.exists", `${path} is there already, and hidiff predict did not write it; choose another folder with --out, or --overwrite to replace it.`);
  }
}
