import { planTraining } from "hidiff/node";
import { useBackend } from "../backend.ts";
import { readConfiguration } from "../options/configuration.ts";
import { Output } from "../terminal/output.ts";
import { printPlan } from "./print-plan.ts";
import { runFolder, type TrainOptions } from "./run.ts";

/**
 * `hidiff train --dry-run`: tells what the training would do and measures how long it takes; writes nothing.
 *
 * @throws those of the configuration, and of a training before its first iteration
 */
export async function dryRun(options: TrainOptions): Promise<void> {
  const output = new Output(options);
  const { folder, resume } = runFolder(options);
  const configuration = await readConfiguration({ ...options, resume }, folder);
  const backend = await useBackend(options.backend, output);
  const plan = await planTraining(configuration, { onProgress: (what) => output.note(`Measuring: ${what}`) });
  output.emit({ folder, backend: backend.name, configuration, plan });
  printPlan(plan, { folder, backend, configuration }, output);
}
