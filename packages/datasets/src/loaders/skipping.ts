import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import type { SegmentationCase, SegmentationDataset } from "../types.ts";

/** What happens at a case whose files cannot be used: the run ends with the error, or reports it and goes on without it. */
export type BadCasePolicy = "error" | "skip";

/** A case that was left out, and why. */
export interface BadCase {
  readonly id: string;
  /** Names the file and what to do. */
  readonly error: HidiffError;
}

/**
 * Loads a case. Under the policy `skip`, files that are missing, damaged or do not fit together are reported to
 * `onBadCase`, and the result is undefined. Everything else is no matter of files and is thrown under either policy:
 * unknown ids, wrong options, and errors that are no {@link HidiffError}.
 */
export async function tryLoad(
  dataset: Pick<SegmentationDataset, "load">,
  id: string,
  policy: BadCasePolicy,
  onBadCase?: (bad: BadCase) => void,
): Promise<SegmentationCase | undefined> {
  return skipBadCase(id, policy, () => dataset.load(id), onBadCase);
}

/** As {@link tryLoad} for any work on a case's files, such as reading its slices, which are made when they are asked for. */
export async function skipBadCase<T>(
  id: string,
  policy: BadCasePolicy,
  work: () => T | Promise<T>,
  onBadCase?: (bad: BadCase) => void,
): Promise<T | undefined> {
  if (policy !== "error" && policy !== "skip") {
    throw new HidiffError("datasets.option", `tryLoad: the policy for bad cases must be "error" or "skip", got ${JSON.stringify(policy)}.`);
  }
  try {
    return await work();
  } catch (error) {
    if (policy === "error" || !isHidiffError(error) || !isAboutFiles(error)) throw error;
    onBadCase?.({ id, error });
    return undefined;
  }
}

function isAboutFiles({ code }: HidiffError): boolean {
  if (code === "datasets.id" || code === "datasets.option") return false;
  return code === "file.read" || /^(datasets|npy|npz)\./.test(code);
}
