import { selectBackend } from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import type { VolumeSlicing } from "@hidiff/datasets";
import { architectureSchema, encodeBundle, HybridModel, inferenceSchema, parse } from "hidiff";
import { writeBundle } from "hidiff/node";

interface TinyBundleOptions {
  readonly imageChannels?: number;
  /** With the background, or 1. Default 1. */
  readonly classes?: number;
  readonly volumes?: VolumeSlicing;
  readonly samples?: number;
}

/** Writes a bundle with random weights, whose masks are noise, but always the same. */
export async function writeTinyBundle(path: string, { imageChannels = 1, classes = 1, volumes, samples = 2 }: TinyBundleOptions = {}): Promise<void> {
  await selectBackend({ prefer: "cpu" });
  const architecture = parse(
    architectureSchema,
    { imageChannels, classes, segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
    "The test's architecture",
  );
  const model = new HybridModel(architecture, new Generator(1));
  const names = ["background", ...Array.from({ length: Math.max(1, classes - 1) }, (_, index) => `class ${index + 1}`)];
  const files = await encodeBundle(model, model.refiner.stateDict(), {
    name: "tiny",
    inference: parse(inferenceSchema, { samples, window: 32 }, "The test's inference"),
    classes: names.map((name, label) => ({ label, name, colour: ["#000000", "#e6194b", "#3cb44b"][label]! })),
    preprocessing: { steps: volumes === undefined ? [{ step: "scale", from: "range", to: [-1, 1] }] : [{ step: "z-score", region: "all" }], volumes },
  });
  model.dispose();
  await writeBundle(path, files);
}
