import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BundleManifest } from "hidiff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff, lastLine } from "../testing/command.ts";
import { cachedModels, storeModel } from "./cache.ts";
import { tinyBundle } from "./testing.ts";

// Spawns the command from its sources. The tests are one story: a training becomes a model that others use by its name.

let folder = "";
let run = "";
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-model-"));
  process.env["HIDIFF_CACHE"] = at("cache");
  run = at("run");
  await writeFile(
    at("tiny.yaml"),
    `
dataset: { name: synthetic-fundus, count: { train: 2, validation: 1, test: 2 }, size: 32, seed: 1 }
architecture: { segmentor: { name: unet, options: { baseWidth: 4, depth: 3 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2, target: y0 } }
training: { seed: 7, batchSize: 2, cropSize: 32, pretraining: { iterations: 1 }, alternating: { iterations: 1 }, validationInterval: 0 }
inference: { samples: 1, window: 32 }
`,
  );
  const trained = await hidiff(["train", "--config", at("tiny.yaml"), "--out", run]);
  expect(trained, trained.stderr).toMatchObject({ code: 0 });
});
afterAll(async () => {
  delete process.env["HIDIFF_CACHE"];
  await rm(folder, { recursive: true, force: true });
});

async function manifestOf(path: string): Promise<BundleManifest> {
  return JSON.parse(await readFile(join(path, "hidiff.json"), "utf8")) as BundleManifest;
}

async function evaluate(model: string, out: string, ...more: string[]): Promise<void> {
  const outcome = await hidiff(["evaluate", "--model", model, "--out", out, "--no-surface", ...more]);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
}

describe("hidiff model pack", () => {
  it("makes a smaller bundle that says how it was trained, without paths of the machine", async () => {
    const outcome = await hidiff(["model", "pack", run, "--out", at("small"), "--inference-only", "--half", "--name", "fundus", "--licence", "MIT"]);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    expect((await readdir(at("small"))).toSorted()).toEqual(["hidiff.json", "refiner.packed.safetensors", "segmentor.safetensors"]);
    const size = async (path: string): Promise<number> => (await stat(join(path, "segmentor.safetensors"))).size;
    expect(await size(at("small"))).toBeLessThan(0.6 * (await size(join(run, "bundle"))));
    const manifest = await manifestOf(at("small"));
    expect(manifest).toMatchObject({
      name: "fundus",
      licence: "MIT",
      provenance: {
        dataset: "synthetic-fundus",
        images: { train: 2, validation: 1, test: 2 },
        seed: 7,
        commands: ["hidiff train --config tiny.yaml --out run"],
        configuration: { training: { pretraining: { iterations: 1 } } },
      },
    });
    expect(manifest.provenance.versions).toHaveProperty("hidiff");
    expect(JSON.stringify(manifest)).not.toContain(folder);
  });

  it("takes the scores of an evaluation of the very model, and of no other", async () => {
    await evaluate(at("small"), at("scores-small"), "--set", "size=32", "--set", "count={train: 2, validation: 1, test: 2}");
    const refused = await hidiff(["model", "pack", run, "--out", at("other"), "--metrics", at("scores-small")]);
    expect(refused.code).toBe(1);
    expect(lastLine(refused)).toMatch(/scores of another model than synthetic-fundus-7/);
    const outcome = await hidiff(["model", "pack", at("small"), "--out", at("fundus"), "--metrics", at("scores-small"), "--limitation", "Drawn images only", "--limitation", "Not for diagnosis"]);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    const { metrics, limitations, provenance } = await manifestOf(at("fundus"));
    const written = JSON.parse(await readFile(join(at("scores-small"), "metrics.json"), "utf8")) as { metrics: { dice: { refined: { mean: number } } } };
    expect(metrics.find(({ metric }) => metric === "dice")).toMatchObject({ dataset: "synthetic-fundus", split: "test", images: 2, refined: { mean: written.metrics.dice.refined.mean } });
    expect(limitations).toEqual(["Drawn images only", "Not for diagnosis"]);
    expect(provenance.commands).toEqual([
      "hidiff train --config tiny.yaml --out run",
      "hidiff evaluate --model small --out scores-small --no-surface --set size=32 --set 'count={train: 2, validation: 1, test: 2}'",
    ]);
  });

  it("does not write over a model that is there", async () => {
    const outcome = await hidiff(["model", "pack", run, "--out", at("small")]);
    expect(outcome.code).toBe(1);
    expect(lastLine(outcome)).toMatch(/is there already/);
  });

  it("replaces a bundle with --force, and no folder that holds anything else", async () => {
    const good = await hidiff(["model", "pack", run, "--out", `${at("small")}/`, "--inference-only", "--half", "--name", "fundus", "--licence", "MIT", "--force"]);
    expect(good, good.stderr).toMatchObject({ code: 0 });
    const bad = await hidiff(["model", "pack", run, "--out", run, "--force"]);
    expect(bad.code).toBe(1);
    expect(lastLine(bad)).toMatch(/is no part of a bundle and would be lost/);
    expect((await stat(join(run, "checkpoint.safetensors"))).size).toBeGreaterThan(0);
  });
});

describe("hidiff model", () => {
  it("info prints the card", async () => {
    const { code, stdout } = await hidiff(["model", "info", at("fundus")]);
    expect(code).toBe(0);
    for (const text of ["fundus", "Intended use    not stated", "Drawn images only", "Not for diagnosis", "1 vessel", "seed 7", "Licence         MIT", "for inference only", "Segmentor alone", "Dice"]) {
      expect(stdout).toContain(text);
    }
  });

  it("verify is content with it, and with exit code 1 not with one that holds code", async () => {
    const good = await hidiff(["model", "verify", at("fundus")]);
    expect(good, good.stderr).toMatchObject({ code: 0 });
    await writeFile(join(at("small"), "index.js"), "");
    const bad = await hidiff(["model", "verify", at("small"), "--json"]);
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout.split("\n")[0]!)).toMatchObject({ good: false, problems: [expect.stringMatching(/index\.js/)] });
  });

  it("list shows what was fetched, and a damaged one as damaged; remove takes them away", async () => {
    const files = await tinyBundle({ description: "Red \u001B[31mvessels" });
    await storeModel("tiny-vessels", files, { url: "https://example.org/vessels.zip" }, at("cache"));
    const { path } = await storeModel("damaged", files, { url: "https://example.org/damaged.zip" }, at("cache"));
    await writeFile(join(path, "hidiff.json"), "{");
    const { code, stdout } = await hidiff(["model", "list"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^damaged {2}.*is not JSON/m);
    expect(stdout).toMatch(/^tiny-vessels {2}Red {1,2}\[31mvessels\n {2}not scored · \d+ kB · licence not specified · cached$/m);
    expect((await hidiff(["model", "remove", "damaged"])).code).toBe(0);
    expect((await cachedModels(at("cache"))).map(({ name }) => name)).toEqual(["tiny-vessels"]);
  });

  it("names work wherever a model is due; unknown ones are wrong usage", async () => {
    await evaluate("tiny-vessels", at("by-name"), "--dataset", "synthetic-fundus", "--set", "size=32", "--set", "count={train: 1, validation: 1, test: 1}");
    const wrong = await hidiff(["evaluate", "--model", "tiny-vesels", "--out", at("none")]);
    expect(wrong.code).toBe(2);
    expect(lastLine(wrong)).toMatch(/no model "tiny-vesels".*Did you mean "tiny-vessels"\?/);
  });
});

it("a model for inference says why it has no graph engine and no refiner to export, but exports its segmentor", async () => {
  const graph = await hidiff(["evaluate", "--model", at("fundus"), "--engine", "graph", "--out", at("none")]);
  expect(graph.code).toBe(1);
  expect(lastLine(graph)).toMatch(/fundus was packed for inference.*graph engine/);
  const both = await hidiff(["export", at("fundus"), "--out", at("exported")]);
  expect(both.code).toBe(1);
  expect(lastLine(both)).toMatch(/packed for inference.*export/);
  expect((await hidiff(["export", at("fundus"), "--out", at("exported"), "--part", "segmentor"])).code).toBe(0);
  expect(await readdir(at("exported"))).toEqual(["segmentor.safetensors"]);
});
