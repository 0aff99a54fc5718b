import { Option } from "commander";
import { wholeNumber } from "../options/numbers.ts";
import { sharedOptions } from "./shared-options.ts";

/** In the order of the study; the names that `withAblation` knows, which is loaded only when the command runs. */
const ablations = ["v1", "v2", "v3", "v4", "v5", "gaussian", "discriminative"];

/** The options that describe a configuration. */
export const configurationOptions = {
  preset: (): Option => new Option("--preset <name>", "a built-in configuration (`hidiff config presets` lists them)"),
  config: (): Option => new Option("--config <file>", "a configuration of your own, .yaml or .json"),
  data: (what: string): Option => new Option("--data <folder>", what),
  priors: (): Option => new Option("--priors <folder>", "another program's masks or probabilities of the images, a file a case (priors.folder)"),
  ablation: (): Option => new Option("--ablation <name>", "the method without some of its parts, as in the paper's ablation study").choices(ablations),
  set: (): Option => sharedOptions.set("change one option of the configuration; may come several times"),
  seed: (): Option => new Option("--seed <n>", "seed of everything random (training.seed)").argParser(wholeNumber),
} as const;
