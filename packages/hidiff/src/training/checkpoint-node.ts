import { HidiffError, type HostTensor } from "@hidiff/core-tensor";
import { readSafetensors, writeSafetensors } from "@hidiff/core-tensor/node";
import { z } from "zod";
import { parse } from "@hidiff/datasets";
import { type Architecture, architectureSchema } from "../config/schema.ts";
import type { TrainingSession } from "./session.ts";

const headerSchema = z.strictObject({
  format: z.literal("hidiff-checkpoint"),
  architecture: architectureSchema,
  progress: z.strictObject({ pretraining: z.number().int().min(0), alternating: z.number().int().min(0) }),
});

/** Writes everything that a training changes to one file, atomically. */
export async function writeCheckpoint(path: string, session: TrainingSession): Promise<void> {
  const header = { format: "hidiff-checkpoint", architecture: session.model.architecture, progress: session.progress };
  await writeSafetensors(path, session.stateDict(), { hidiff: JSON.stringify(header) });
}

/**
 * Continues a training from its checkpoint.
 *
 * @throws HidiffError `checkpoint.format` if it is none, `checkpoint.architecture` if it is of another network, and those
 * of a truncated or foreign file; the session is unchanged then
 */
export async function restoreCheckpoint(path: string, session: TrainingSession): Promise<void> {
  const { tensors, metadata } = await readSafetensors(path);
  const header = parseHeader(path, metadata["hidiff"]);
  const difference = firstDifference(header.architecture, session.model.architecture);
  if (difference !== undefined) {
    throw new HidiffError(
      "checkpoint.architecture",
      `${path} is a checkpoint of another architecture: ${difference}. Use the configuration it was trained with, or another run folder.`,
    );
  }
  session.restore(tensors as ReadonlyMap<string, HostTensor>, header.progress);
}

function parseHeader(path: string, text: string | undefined): z.infer<typeof headerSchema> {
  const foreign = (cause?: unknown): HidiffError =>
    new HidiffError("checkpoint.format", `${path} is a safetensors file, but no training checkpoint; give the file that training wrote.`, { cause });
  if (text === undefined) throw foreign();
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw foreign(error);
  }
  return parse(headerSchema, header, path);
}

/** The first field in which two architectures differ, as text. */
function firstDifference(found: Architecture, expected: Architecture, path: string = ""): string | undefined {
  const [a, b] = [found, expected] as unknown as [Record<string, unknown>, Record<string, unknown>];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const name = path + key;
    if (typeof a[key] === "object" && typeof b[key] === "object" && a[key] !== null && b[key] !== null) {
      const inner = firstDifference(a[key] as Architecture, b[key] as Architecture, `${name}.`);
      if (inner !== undefined) return inner;
    } else if (a[key] !== b[key]) {
      return `${name} is ${JSON.stringify(a[key])} there and ${JSON.stringify(b[key])} here`;
    }
  }
  return undefined;
}
