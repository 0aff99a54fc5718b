import { decodeSafetensors, type SafetensorsFile } from "@hidiff/core-tensor/files";
import { Generator } from "@hidiff/core-tensor/random";
import { type BundleContents, bundleFiles, encodeBundle, HybridModel } from "hidiff";
import { beforeAll, describe, expect, it } from "vitest";
import { tinyArchitecture, tinyInference } from "../packages/hidiff/src/testing/tiny.ts";
import { useTestBackend } from "./backend.ts";
import { bundlePackage, bundleScript } from "./browser/bundle-script.ts";
import { withoutChromium, withPage } from "./browser/chromium.ts";
import { serve } from "./browser/serve.ts";
import { refine, segment, threads } from "./browser/tasks.ts";

/** With these a page is cross-origin isolated: its threads may share memory. */
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

const inPage = (script: string): string => `<!doctype html><script type="module" src="${script}"></script>`;
const inWorker = (script: string): string => `<!doctype html><script>new Worker("${script}", { type: "module" })</script>`;

let bundle: BundleContents = {};
let script: Uint8Array = new Uint8Array();

beforeAll(async () => {
  await useTestBackend();
  const model = new HybridModel(tinyArchitecture({ classes: 3 }), new Generator(8));
  const classes = ["background", "disc", "corner"].map((name, label) => ({ label, name, colour: "#000000" }));
  bundle = await encodeBundle(model, model.refiner.stateDict(), { name: "tiny", inference: tinyInference(), classes });
  model.dispose();
  ({ code: script } = await bundleScript("page.ts"));
});

/** Runs a task in Chromium. */
async function inChromium(task: "refine" | "segment", headers: Readonly<Record<string, string>>, page = inPage): Promise<SafetensorsFile> {
  const files = Object.entries(bundle).map(([name, content]) => [`/bundle/${name}`, content] as const);
  const html = page(`/page.js?task=${task}`);
  const site = await serve({ "/": html, "/page.js": script, "/refiner": bundle[bundleFiles.packedRefiner]!, ...Object.fromEntries(files) }, headers);
  try {
    return decodeSafetensors(await withPage(site.url, site.result), "The page's result");
  } finally {
    site.close();
  }
}

const inNode = async (result: Promise<Uint8Array>): Promise<SafetensorsFile> => decodeSafetensors(await result, "The result");

describe("bundled for browsers without a plug-in", () => {
  it("hidiff/packed contains no tensor library", async () => {
    const { sources } = await bundlePackage("hidiff/packed");
    expect(sources.filter((file) => file.includes("packed-refiner"))).toHaveLength(1);
    expect(sources.filter((file) => file.includes("tensorflow"))).toEqual([]);
  });
});

describe.skipIf(withoutChromium !== "")(`in Chromium${withoutChromium}`, () => {
  let expected: SafetensorsFile;
  beforeAll(async () => {
    expected = await inNode(refine(bundle[bundleFiles.packedRefiner]!));
  });

  it.each([
    ["of a cross-origin isolated page, with threads", isolation, inPage, threads],
    ["of any other page, without", {}, inPage, 1],
    ["of a worker, with threads", isolation, inWorker, threads],
    ["of a worker of any other page, without", {}, inWorker, 1],
  ] as const)("the packed engine %s, gives the numbers of Node.js, bit for bit", async (_, headers, page, started) => {
    const { tensors, metadata } = await inChromium("refine", headers, page);
    expect(metadata).toEqual({ threads: String(started), working: String(started), simd: "relaxed" });
    expect(tensors).toEqual(expected.tensors);
  });
});
