import { selectBackend } from "@hidiff/core-tensor";
import { decodeSafetensors, type SafetensorsFile } from "@hidiff/core-tensor/files";
import { Generator } from "@hidiff/core-tensor/random";
import { type BundleContents, bundleFiles, encodeBundle, HybridModel } from "hidiff";
import { beforeAll, describe, expect, it } from "vitest";
import { randomRefiner } from "../packages/hidiff/src/packed/testing/graph-comparison.ts";
import { tinyArchitecture, tinyInference } from "../packages/hidiff/src/testing/tiny.ts";
import { bundlePackage, bundleScript } from "./browser/bundle-script.ts";
import { withoutChromium, withPage } from "./browser/chromium.ts";
import { serve } from "./browser/serve.ts";
import { refine, segment, threads } from "./browser/tasks.ts";

/** With these a page is cross-origin isolated: its threads may share memory. */
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
/** Allows what is on the page's own server: no worker whose code is text. */
const ownServerOnly = { "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" };

const inPage = (script: string): string => `<script type="module" src="${script}"></script>`;
const inWorker = (script: string): string => `<script>new Worker("${script}", { type: "module" })</script>`;
const withoutWorkers = (script: string): string => `<script>Worker = function () { throw new Error(); }</script>${inPage(script)}`;

let bundle: BundleContents = {};
let script: Uint8Array = new Uint8Array();

beforeAll(async () => {
  await selectBackend({ prefer: "cpu" });
  const model = new HybridModel(tinyArchitecture({ classes: 3 }), new Generator(8));
  // A new refiner's output is the same everywhere: its last convolution is zero.
  const refiner = randomRefiner(model.refiner.options, 8);
  const classes = ["background", "disc", "corner"].map((name, label) => ({ label, name, colour: "#000000" }));
  bundle = await encodeBundle(model, refiner.stateDict(), { name: "tiny", inference: tinyInference(), classes });
  refiner.dispose();
  model.dispose();
  ({ code: script } = await bundleScript("page.ts"));
});

it("hidiff/packed can be bundled for browsers, and brings no tensor library", async () => {
  const { sources } = await bundlePackage("hidiff/packed");
  expect(sources.filter((file) => file.endsWith("packed-refiner.ts"))).toHaveLength(1);
  expect(sources.filter((file) => file.includes("tensorflow"))).toEqual([]);
});

describe.skipIf(withoutChromium !== "")(`in Chromium${withoutChromium}`, () => {
  /** Runs a task in a page. */
  async function inChromium(task: "refine" | "segment", headers: Record<string, string>, start = inPage): Promise<SafetensorsFile> {
    const files = Object.fromEntries(Object.entries(bundle).map(([name, content]) => [`/bundle/${name}`, content]));
    const html = `<!doctype html>${start(`/page.js?task=${task}`)}`;
    const site = await serve({ "/index.html": html, "/page.js": script, ...files }, headers);
    try {
      return decodeSafetensors(await withPage(`${site.address}/index.html`, site.result), "The page's result");
    } finally {
      site.close();
    }
  }

  it.each([
    ["a cross-origin isolated page, in threads", isolation, inPage, threads],
    ["a cross-origin isolated worker, in threads", isolation, inWorker, threads],
    ["a page that is not isolated, in one thread", {}, inPage, 1],
    ["a page whose security policy forbids the threads", { ...isolation, ...ownServerOnly }, inPage, 1],
    ["a page that has no workers", isolation, withoutWorkers, 1],
  ])("the packed engine gives the numbers of Node.js, bit for bit, in %s", async (_, headers, start, working) => {
    const page = await inChromium("refine", headers, start);
    expect(page.metadata).toEqual({ threads: String(working), working: String(working), simd: "relaxed" });
    const node = decodeSafetensors(await refine(bundle[bundleFiles.packedRefiner]!), "Node.js's result");
    expect(new Set(node.tensors.get("step 0")!.data).size).toBeGreaterThan(1000);
    expect(page.tensors).toEqual(node.tensors);
  });

  it.each([
    ["a cross-origin isolated page", isolation, threads],
    ["a page that is not isolated", {}, 1],
  ])("a bundle gives the mask of Node.js in %s", async (_, headers, working) => {
    const page = await inChromium("segment", headers);
    expect(page.metadata).toEqual({ engine: "packed", threads: String(working) });
    const node = decodeSafetensors(await segment(bundle), "Node.js's result");
    const [{ data: mask }, { data: probability }] = [node.tensors.get("mask")!, node.tensors.get("probability")!];
    expect(new Set(mask)).toEqual(new Set([0, 1, 2]));
    expect(page.tensors.get("mask")!.data).toEqual(mask);
    expect(page.tensors.get("priorMask")!.data).toEqual(node.tensors.get("priorMask")!.data);
    // The arithmetic is IEEE 754's in both; only Math.exp may differ in its last bit, and so a probability by some 1e-7.
    expect(page.tensors.get("probability")!.data).toBeAllClose(probability, { absolute: 1e-6 });
    expect(page.tensors.get("prior")!.data).toBeAllClose(node.tensors.get("prior")!.data, { absolute: 1e-6 });
  });
});
