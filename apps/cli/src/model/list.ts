import { type BundleManifest, type ModelScore, unspecifiedLicence } from "hidiff";
import { isHidiffError } from "@hidiff/core-tensor/errors";
import { formatBytes } from "../bench/units.ts";
import { Output } from "../terminal/output.ts";
import { cacheFolder } from "./cache.ts";
import { type KnownModel, knownModels } from "./find-model.ts";
import { plainText, readManifest, sizeOf } from "./read-manifest.ts";

/** `hidiff model list`: the models that have names. */
export async function listModels(options: { readonly json?: boolean }): Promise<void> {
  const output = new Output(options);
  const models = await Promise.all((await knownModels()).map(describe));
  output.emit({ cache: cacheFolder(), models });
  const { bold, dim } = output.colours;
  for (const { name, description, dice, bytes, licence, source, problem } of models) {
    output.print(problem === undefined ? `${bold(name)}  ${plainText(description!)}` : `${bold(name)}  ${plainText(problem)}`);
    if (problem !== undefined) continue;
    const scored = dice === undefined ? "not scored" : `Dice ${dice.refined.toFixed(3)} (segmentor alone ${dice.segmentor.toFixed(3)}) on ${dice.images} of ${plainText(dice.dataset)}, ${plainText(dice.split)}`;
    output.print(dim(`  ${scored} · ${formatBytes(bytes!)} · licence ${licence === unspecifiedLicence ? "not specified" : plainText(licence!)} · ${source}`));
  }
  if (models.length === 0) output.print("There are no models with names. hidiff model fetch URL gets one; hidiff train makes one.");
  else output.print(dim("\nhidiff predict IMAGE --model NAME uses one; hidiff model info NAME says all about it."));
}

interface ListedModel extends KnownModel {
  readonly description?: string;
  readonly dice?: { readonly dataset: string; readonly split: string; readonly images: number; readonly segmentor: number; readonly refined: number };
  readonly bytes?: number;
  readonly licence?: string;
  /** Why it cannot be used. */
  readonly problem?: string;
}

async function describe(model: KnownModel): Promise<ListedModel> {
  try {
    const manifest = await readManifest(model.path);
    const { description, licence } = manifest;
    const score = mainScore(manifest);
    const dice = score && { dataset: score.dataset, split: score.split, images: score.images, segmentor: score.segmentor.mean, refined: score.refined.mean };
    return { ...model, description, ...(dice === undefined ? {} : { dice }), bytes: sizeOf(manifest), licence };
  } catch (error) {
    if (!isHidiffError(error)) throw error;
    return { ...model, problem: error.message };
  }
}

/** The mean Dice on the data set of the training, else on the first one. */
function mainScore({ metrics, provenance }: BundleManifest): ModelScore | undefined {
  const dice = metrics.filter((score) => score.metric === "dice" && score.class === undefined);
  return dice.find(({ dataset }) => dataset === provenance.dataset) ?? dice[0];
}
