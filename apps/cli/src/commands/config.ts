import { Command } from "commander";
import type { CheckOptions, InitOptions, ShowOptions } from "../config/run.ts";
import { configurationOptions } from "./configuration-options.ts";
import { addOptions, sharedOptions } from "./shared-options.ts";

const { preset, config, data, priors, ablation, set, seed } = configurationOptions;

export function configCommand(): Command {
  return new Command("config")
    .description("Configurations of a training: lists the built-in ones, begins, shows and checks files.")
    .addCommand(presetsCommand())
    .addCommand(initCommand())
    .addCommand(showCommand())
    .addCommand(checkCommand())
    .addCommand(schemaCommand());
}

function presetsCommand(): Command {
  return new Command("presets")
    .description("Lists the built-in configurations, with the time that each needs.")
    .addOption(sharedOptions.json("print them as JSON"))
    .addHelpText(
      "after",
      `
Small ones train on two processor cores; those without "small" in their name have the sizes of the paper and want a GPU.

Examples:
  hidiff config presets
  hidiff train --preset folder-small --data my-folder`,
    )
    .action(async (options: { readonly json?: boolean }) => {
      const { listPresets } = await import("../config/run.ts");
      listPresets(options);
    });
}

function initCommand(): Command {
  const command = new Command("init")
    .description("Writes a configuration to start from: every option with its meaning.")
    .argument("[file]", "where it is written, a .yaml file", "hidiff.yaml")
    .option("--force", "replace a file that is there");
  return addOptions(command, [
    preset(),
    data("the folder of the data set; without --preset, a small configuration that suits it is chosen"),
    ablation(),
    set(),
    seed(),
    sharedOptions.json("print the file's path as JSON"),
  ])
    .addHelpText(
      "after",
      `
The first line tells editors where the JSON Schema is: they complete names, show descriptions and mark mistakes.

Examples:
  hidiff config init mine.yaml --data my-folder
  hidiff config init drive.yaml --preset drive --data data/DRIVE`,
    )
    .action(async (file: string, options: InitOptions) => {
      const { initConfiguration } = await import("../config/run.ts");
      await initConfiguration(file, options);
    });
}

function showCommand(): Command {
  const command = new Command("show").description("Prints a whole configuration: every option with its value and meaning, defaults included.");
  return addOptions(command, [
    preset(),
    config(),
    data("the folder of the data set; alone, a small configuration that suits it is chosen"),
    priors(),
    ablation(),
    set(),
    seed(),
    sharedOptions.json("print it as JSON"),
  ])
    .addHelpText(
      "after",
      `
The options are those of train: what is printed is what train would use.

Examples:
  hidiff config show --preset drive-small
  hidiff config show --config mine.yaml --set training.batchSize=4`,
    )
    .action(async (options: ShowOptions) => {
      const { showConfiguration } = await import("../config/run.ts");
      await showConfiguration(options);
    });
}

function checkCommand(): Command {
  const command = new Command("check")
    .description("Checks a configuration: tells everything that is wrong with it, with the lines.")
    .argument("<file>", "the configuration, .yaml or .json");
  return addOptions(command, [data("the folder of the data set, if the file names none"), priors(), set(), sharedOptions.json("print everything as JSON")])
    .addHelpText(
      "after",
      `
Looks at names, types, ranges, what options must agree in, and whether the files and folders are there; not at the images:
\`hidiff dataset check\` does that. The exit code is 2 if something is wrong.

Examples:
  hidiff config check mine.yaml
  hidiff config check mine.yaml --data data/DRIVE`,
    )
    .action(async (file: string, options: CheckOptions) => {
      const { checkFile } = await import("../config/run.ts");
      await checkFile(file, options);
    });
}

function schemaCommand(): Command {
  return new Command("schema")
    .description("Prints the JSON Schema of configurations, for editors and other programs.")
    .addHelpText(
      "after",
      `
Example:
  hidiff config schema > hidiff.schema.json`,
    )
    .action(async () => {
      const { printSchema } = await import("../config/run.ts");
      printSchema();
    });
}
