import { selectBackend } from "@hidiff/core-tensor";
import { architectureSchema, type BundleContents, type BundleDescription, encodeBundle, HybridModel, inferenceSchema, parse } from "hidiff";

/** The files of a bundle of the smallest networks, with random weights. */
export async function tinyBundle(description: Partial<BundleDescription> = {}): Promise<BundleContents> {
  await selectBackend({ prefer: "cpu" });
  const architecture = parse(
    architectureSchema,
    { imageChannels: 3, classes: 1, segmentor: { options: { baseWidth: 4, depth: 3 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
    "tinyBundle",
  );
  const model = new HybridModel(architecture);
  const files = await encodeBundle(model, model.refiner.stateDict(), {
    name: "tiny",
    inference: parse(inferenceSchema, { samples: 1, window: 32 }, "tinyBundle"),
    classes: [
      { label: 0, name: "background", colour: "#000000" },
      { label: 1, name: "vessel", colour: "#e6194b" },
    ],
    ...description,
  });
  model.dispose();
  return files;
}
