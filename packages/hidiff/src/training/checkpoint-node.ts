import { HidiffError, type HostTensor } from "@hidiff/core-tensor";
import { readSafetensors, writeSafetensors } from "@hidiff/core-tensor/node";
import { z } from "zod";
import { parse } from "@hidiff/datasets";
import { type Architecture, architectureSchema } from "../config/schema.ts";
import type { HybridModel } from "../model/hybrid-model.ts";
import { firstDifference } from "./first-difference.ts";
import { type Look, lookHistorySchema, lookSchema } from "./look-history.ts";
import { loadInferenceState, type TrainingSession } from "./session.ts";

const checkpointSchema = z.strictObject({
  format: z.literal("hidiff-checkpoint"),
  architecture: architectureSchema,
  progress: z.strictObject({ pretraining: z.number().int().min(0), alternating: z.number().int().min(0) }),
  looks: lookHistorySchema,
});

const bestSchema = z.strictObject({
  format: z.literal("hidiff-best"),
  architecture: architectureSchema,
  look: lookSchema,
});

/** Writes everything that a training changes to one file, atomically: what is there already stays until the new one is complete. */
export async function writeCheckpoint(path: string, session: TrainingSession): Promise<void> {
  const { model, progress, looks } = session;
  const header = { format: "hidiff-checkpoint", architecture: model.architecture, progress, looks };
  await writeSafetensors(path, session.stateDict(), { hidiff: JSON.stringify(header) });
}

/**
 * Continues a training from its checkpoint.
 *
 * @throws HidiffError `checkpoint.format` if it is none, `checkpoint.architecture` if it is of another network, and those
 * of a truncated or foreign file; the session is unchanged then
 */
export async function restoreCheckpoint(path: string, session: TrainingSession): Promise<void> {
  const { state, header } = await readState(path, checkpointSchema, session.model.architecture);
  session.restore(state, header.progress, header.looks);
}

/** Writes the parameters that inference uses, and the best look, which this one is, to one file, atomically. */
export async function writeBest(path: string, session: TrainingSession): Promise<void> {
  const header = { format: "hidiff-best", architecture: session.model.architecture, look: session.looks.best };
  await writeSafetensors(path, session.inferenceStateDict(), { hidiff: JSON.stringify(header) });
}

/**
 * Puts the parameters that {@link writeBest} wrote into a model. Returns the look that they are of.
 *
 * @throws HidiffError as {@link restoreCheckpoint}
 */
export async function loadBest(path: string, model: HybridModel): Promise<Look> {
  const { state, header } = await readState(path, bestSchema, model.architecture);
  loadInferenceState(model, state);
  return header.look;
}

async function readState<T extends { readonly architecture: Architecture }>(
  path: string,
  schema: z.ZodType<T>,
  architecture: Architecture,
): Promise<{ state: ReadonlyMap<string, HostTensor>; header: T }> {
  const { tensors, metadata } = await readSafetensors(path);
  const header = parseHeader(path, metadata["hidiff"], schema);
  const difference = firstDifference(header.architecture, architecture);
  if (difference !== undefined) {
    throw new HidiffError(
      "checkpoint.architecture",
      `${path} is a checkpoint of another architecture: ${difference}. Use the configuration it was trained with, or another run folder.`,
    );
  }
  return { state: tensors as ReadonlyMap<string, HostTensor>, header };
}

function parseHeader<T>(path: string, text: string | undefined, schema: z.ZodType<T>): T {
  const foreign = (cause?: unknown): HidiffError =>
    new HidiffError("checkpoint.format", `${path} is a safetensors file, but no training checkpoint; give the file that training wrote.`, { cause });
  if (text === undefined) throw foreign();
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw foreign(error);
  }
  return parse(schema, header, path);
}
