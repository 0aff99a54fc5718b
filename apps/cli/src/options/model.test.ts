import { selectBackend } from "@hidiff/core-tensor";
import { architectureSchema, type HiDiff, HybridModel, parse } from "hidiff";
import { beforeAll, expect, it } from "vitest";
import { checkPriorsOption } from "./model.ts";

beforeAll(() => selectBackend({ prefer: "cpu" }));

it("checkPriorsOption refuses --priors for models that compute their own prior", () => {
  for (const [segmentor, refused] of [[{ name: "unet", options: { baseWidth: 4, depth: 2 } }, true], [{ name: "masks" }, false]] as const) {
    const architecture = parse(architectureSchema, { imageChannels: 1, classes: 1, segmentor, refiner: { baseWidth: 4 } }, "test");
    const model = new HybridModel(architecture);
    const found = { model, manifest: { name: "test" } } as HiDiff;
    checkPriorsOption(found, undefined);
    const check = (): void => checkPriorsOption(found, "folder");
    if (refused) expect(check).toThrow(/test computes its own/);
    else expect(check).not.toThrow();
    model.dispose();
  }
});
