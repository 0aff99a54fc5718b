/**
 * The hidiff command, except that a training lasts a moment: tiny networks and two iterations a phase, in place of what an
 * example's preset has. What an example sets itself stays.
 */
import { readFileSync } from "node:fs";
import { main } from "../../apps/cli/src/index.ts";

const tinySegmentor = "architecture.segmentor={ name: unet, options: { baseWidth: 4, depth: 2 } }";
const tinyRefiner = ["architecture.refiner.baseWidth=8", "architecture.diffusion.steps=3"];
const shortTraining = [
  "training.batchSize=2",
  "training.cropSize=32",
  "training.pretraining.iterations=2",
  "training.alternating.iterations=2",
  "training.alternating.refinerUpdates=1",
  "inference.samples=2",
  "inference.window=64",
];

function shortened(arguments_: readonly string[]): string[] {
  const [name] = arguments_;
  const set = (assignments: readonly string[]): string[] => assignments.flatMap((assignment) => ["--set", assignment]);
  if (arguments_.includes("--help") || arguments_.includes("--resume")) return [...arguments_];
  if (name === "demo") return [...arguments_, "--iterations", "2", ...set(["training.pretraining.iterations=2"])];
  if (name !== "train") return [...arguments_];
  const ownSegmentor = arguments_.some((argument, index) => {
    if (arguments_[index - 1] === "--config") return /name: *"?(masks|onnx|tfjs)/.test(readFileSync(argument, "utf8"));
    return argument.startsWith("architecture.segmentor");
  });
  return [...arguments_, ...set([...(ownSegmentor ? [] : [tinySegmentor]), ...tinyRefiner, ...shortTraining])];
}

process.exitCode = await main(shortened(process.argv.slice(2)));
