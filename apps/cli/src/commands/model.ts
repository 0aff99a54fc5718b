import { Command, Option } from "commander";
import type { PackModelOptions } from "../model/pack.ts";
import { collect } from "../options/numbers.ts";
import { sharedOptions } from "./shared-options.ts";

const anyModel = "a model's name, a bundle (folder, .zip or URL), or the folder of a finished training";

export function modelCommand(): Command {
  return new Command("model")
    .description("Trained models: lists, describes, checks, packs and fetches them.")
    .addCommand(listCommand())
    .addCommand(infoCommand())
    .addCommand(verifyCommand())
    .addCommand(packCommand())
    .addCommand(fetchModelCommand())
    .addCommand(removeModelCommand());
}

function listCommand(): Command {
  return new Command("list")
    .description("The models that have names: those that come with hidiff, and those that were fetched.")
    .addOption(sharedOptions.json("print everything as JSON"))
    .action(async (options: { json?: boolean }) => {
      const { listModels } = await import("../model/list.ts");
      await listModels(options);
    });
}

function infoCommand(): Command {
  return new Command("info")
    .description("A model's card: what it is for, its limits, its training, its scores, its licence.")
    .argument("<model>", anyModel)
    .addOption(sharedOptions.json("print the manifest as JSON"))
    .addHelpText("after", "\nExamples:\n  hidiff model info vessels\n  hidiff model info runs/drive")
    .action(async (model: string, options: { json?: boolean }) => {
      const { showModel } = await import("../model/info.ts");
      await showModel(model, options);
    });
}

function verifyCommand(): Command {
  return new Command("verify")
    .description("Checks a model: manifest, sizes, checksums, that every network loads, and that nothing else is in it.")
    .argument("<model>", anyModel)
    .addOption(sharedOptions.json("print the findings as JSON"))
    .addHelpText("after", "\nThe exit code is 1 if anything is wrong.\n\nExamples:\n  hidiff model verify downloads/polyps.zip\n  hidiff model verify vessels")
    .action(async (model: string, options: { json?: boolean }) => {
      const { verifyModel } = await import("../model/verify.ts");
      await verifyModel(model, options);
    });
}

function packCommand(): Command {
  return new Command("pack")
    .description("A bundle to give away: smaller, described, with its scores.")
    .argument("<model>", anyModel)
    .requiredOption("--out <path>", "the new bundle: a folder, or a file that ends in .zip")
    .option("--inference-only", "leave out the refiner's weights in floating point, the largest file: it can then not be trained on or exported")
    .option("--half", "store the segmentor's weights in half precision: half as large, rounded to 11 bits")
    .option("--name <text>", "its name")
    .option("--description <text>", "what it does, in a sentence")
    .option("--licence <name>", "the licence of the weights, such as MIT or CC-BY-4.0 (without one, the card says that there is none)")
    .option("--intended-use <text>", "which images it is for, and which question")
    .addOption(new Option("--limitation <text>", "what it is not for, or where it fails; may come several times").argParser(collect))
    .option("--citation <text>", "how to cite it or its data")
    .addOption(new Option("--metrics <folder>", "scores: a folder that hidiff evaluate wrote for this very model; may come several times").argParser(collect))
    .option("--force", "replace what is there")
    .addOption(sharedOptions.json("print the new manifest as JSON"))
    .addHelpText(
      "after",
      `
What is not given stays as it was. Scores are taken over only if the checksums of the evaluated weights are those of the packed
ones; weights in half precision are others, so evaluate them once they are packed, and pack again with --metrics.

Examples:
  hidiff model pack runs/drive --out vessels.zip --inference-only --licence MIT
  hidiff evaluate --model runs/drive --out evaluation
  hidiff model pack runs/drive --out vessels --metrics evaluation \\
    --intended-use "Colour fundus photographs of adults" --limitation "Not for diagnosis"`,
    )
    .action(async (model: string, options: PackModelOptions) => {
      const { packModel } = await import("../model/pack.ts");
      await packModel(model, options);
    });
}

function fetchModelCommand(): Command {
  return new Command("fetch")
    .description("Downloads a model into the cache; afterwards it is found by its name, without the network.")
    .argument("<url>", "the URL of a bundle (.zip or folder), or the name of a fetched model to fetch it again")
    .option("--sha256 <hex>", "the SHA-256 that the .zip must have")
    .option("--offline", "fetch nothing, as HIDIFF_OFFLINE=1 does for every command")
    .addOption(sharedOptions.json("print what was fetched as JSON"))
    .addHelpText(
      "after",
      `
The name is the URL's last part without .zip. A download that fails leaves nothing behind. Models are kept in HIDIFF_CACHE, else
in the platform's cache folder (~/.cache/hidiff, ~/Library/Caches/hidiff, %LOCALAPPDATA%\\hidiff).

Examples:
  hidiff model fetch https://example.org/models/polyps.zip
  hidiff predict photo.png --model polyps`,
    )
    .action(async (url: string, options: { sha256?: string; offline?: boolean; json?: boolean }) => {
      const { fetchCommand } = await import("../model/fetch.ts");
      await fetchCommand(url, options);
    });
}

function removeModelCommand(): Command {
  return new Command("remove")
    .description("Takes a fetched model out of the cache.")
    .argument("<name>", "its name, as hidiff model list prints it")
    .addOption(sharedOptions.json("print what was removed as JSON"))
    .addHelpText("after", "\nExamples:\n  hidiff model remove vessels-2")
    .action(async (name: string, options: { json?: boolean }) => {
      const { removeCommand } = await import("../model/remove.ts");
      await removeCommand(name, options);
    });
}
