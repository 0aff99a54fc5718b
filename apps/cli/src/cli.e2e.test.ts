import { createHash } from "node:crypto";
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readImage, writePng } from "@hidiff/datasets/node";
import { presetNames } from "hidiff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff, lastLine } from "./testing/command.ts";

// Spawns the command from its sources. The tests are one story: each builds on the run that the ones before made.

let folder = "";
let run = "";
let config = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-cli-"));
  run = join(folder, "run");
  config = join(folder, "tiny.yaml");
  await writeFile(
    config,
    `
dataset: { name: synthetic-fundus, count: { train: 4, validation: 1, test: 2 }, size: 32, seed: 1 }
architecture:
  segmentor: { name: unet, options: { baseWidth: 4, depth: 3 } }
  refiner: { baseWidth: 8 }
  diffusion: { steps: 3, target: y0 }
training:
  batchSize: 2
  cropSize: 32
  pretraining: { iterations: 2 }
  alternating: { iterations: 6 }
  validationInterval: 6
  checkpointInterval: 100
inference: { samples: 2, window: 32 }
`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("hidiff", () => {
  it("teaches with examples", async () => {
    const { code, stdout } = await hidiff(["train", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("hidiff train --preset drive-small --data data/DRIVE --out runs/drive");
  });

  it("ends quietly where nobody reads its output, as before `| head`", async () => {
    expect(await hidiff(["train", "--help"], { unread: true })).toEqual({ code: 1, stdout: "", stderr: "" });
  });

  it.each([
    [["trian"], "error: unknown command 'trian' (Did you mean train?)"],
    [["train", "--presets", "demo"], "error: unknown option '--presets' (Did you mean --preset?)"],
    [["train", "--preset", "drive-smal"], `error: There is no preset "drive-smal". Did you mean "drive-small"? Known: ${presetNames.join(", ")}.`],
  ])("%j is wrong usage", async (arguments_, message) => {
    const outcome = await hidiff(arguments_);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr.trim()).toBe(message);
    expect(outcome.stdout).toBe("");
  });

  it("trains, and stops at Ctrl-C with a checkpoint", async () => {
    const events = (stdout: string): string[] =>
      stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { event: string }).event);
    let interrupted = false;
    const outcome = await hidiff(["train", "--config", config, "--out", run, "--json"], {
      onOutput: (stdout, interrupt) => {
        if (interrupted || !stdout.includes('"iteration"')) return;
        interrupted = true;
        interrupt();
      },
    });
    expect(outcome.code).toBe(130);
    expect(lastLine(outcome)).toMatch(/^stopped: everything done so far is in .*checkpoint\.safetensors\. Continue with: hidiff train --resume /);
    expect(events(outcome.stdout)[0]).toBe("start");
    expect(events(outcome.stdout).at(-1)).toBe("stopped");
  });

  it("has no model before the training is finished", async () => {
    const outcome = await hidiff(["evaluate", "--model", run, "--out", join(folder, "none")]);
    expect(outcome.code).toBe(1);
    expect(lastLine(outcome)).toContain("is not finished");
  });

  it("does not overwrite a training", async () => {
    const outcome = await hidiff(["train", "--config", config, "--out", run]);
    expect(outcome.code).toBe(1);
    expect(lastLine(outcome)).toContain("already holds a training");
  });

  it("refuses a truncated checkpoint, and one of another architecture", async () => {
    const broken = join(folder, "broken");
    await mkdir(broken);
    for (const name of ["configuration.json", "checkpoint.safetensors"]) await copyFile(join(run, name), join(broken, name));
    const [other, cut] = [
      await hidiff(["train", "--resume", "--out", broken, "--set", "architecture.refiner.baseWidth=16"]),
      await truncate(join(broken, "checkpoint.safetensors"), 5000).then(() => hidiff(["train", "--resume", "--out", broken])),
    ];
    expect(other.code).toBe(1);
    expect(lastLine(other)).toMatch(/^error: .*another architecture: refiner\.baseWidth is 8 there and 16 here/);
    expect(cut.code).toBe(1);
    expect(lastLine(cut)).toMatch(/^error: .*checkpoint\.safetensors/);
  });

  it("resumes and finishes", async () => {
    const outcome = await hidiff(["train", "--resume", "--out", run]);
    expect(outcome.stderr).toContain("Validation after");
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain(`hidiff evaluate --model ${join(run, "bundle")}`);
    const manifest = JSON.parse(await readFile(join(run, "manifest.json"), "utf8")) as Record<string, unknown>;
    expect(manifest).toMatchObject({ command: "train", backend: { name: "wasm" }, resumed: true });
  });

  it("evaluates with several seeds", async () => {
    const out = join(folder, "evaluation");
    const { code, stdout } = await hidiff(["evaluate", "--model", run, "--seeds", "1,2", "--pictures", "--out", out, "--json"]);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as { images: number; cases: unknown[]; metrics: Record<string, unknown>; engine: object };
    expect(document.engine).toMatchObject({ name: "packed" });
    expect(document.images).toBe(2);
    expect(document.cases).toHaveLength(4);
    expect(Object.keys(document.metrics)).toContain("hausdorffDistance95");
    expect((await readFile(join(out, "metrics.csv"), "utf8")).trim().split("\n")).toHaveLength(5);
    const pictures = await readdir(join(out, "pictures"));
    expect(pictures).toHaveLength(2 * 2 * 4);
    expect(pictures.every((name) => /_(mask|errors)\.png$/.test(name))).toBe(true);
  });

  it("predicts in the input's own size, reports what it cannot, and goes on", async () => {
    const images = join(folder, "images");
    await mkdir(images);
    const colour = Uint8Array.from({ length: 50 * 70 * 3 }, (_, index) => index % 251);
    await writePng(join(images, "odd.png"), { height: 50, width: 70, channels: 3, data: colour });
    await writeFile(join(images, "plain.ppm"), Buffer.concat([Buffer.from("P6 20 10 255\n"), Buffer.alloc(20 * 10 * 3, 90)]));
    await writePng(join(images, "grey.png"), { height: 8, width: 8, channels: 1, data: new Uint8Array(64) });
    await writeFile(join(images, "torn.png"), "no image");
    const out = join(folder, "masks");
    const outcome = await hidiff(["predict", images, "--model", join(run, "bundle"), "--out", out, "--overlay", "--probability", "--uncertainty", "--engine", "graph"]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/error: .*grey\.png is grey \(1 channel\), but the model .* takes images that are RGB \(3 channels\)/);
    expect(outcome.stderr).toMatch(/error: .*torn\.png.* is no PNG/);
    expect(lastLine(outcome)).toBe("error: 2 of 4 inputs could not be segmented.");
    const files = ["odd_mask.png", "odd_overlay.png", "odd_probability.png", "odd_uncertainty.png"];
    expect((await readdir(out)).sort()).toEqual([".hidiff", "manifest.json", "measurements.csv", ...files, ...files.map((file) => file.replace("odd", "plain"))]);
    expect(await readImage(join(out, "plain_mask.png"))).toMatchObject({ height: 10, width: 20, channels: 1 });
    for (const file of files) expect(await readImage(join(out, file))).toMatchObject({ height: 50, width: 70, channels: file.includes("overlay") ? 3 : 1 });
    expect(new Set((await readImage(join(out, "odd_mask.png"))).data)).toSatisfy((values: Set<number>) => [...values].every((value) => value === 0 || value === 255));
    const manifest = JSON.parse(await readFile(join(out, "manifest.json"), "utf8")) as { engine: object; results: { input: string; sha256: string }[] };
    expect(manifest.engine).toEqual({ name: "graph" });
    const odd = manifest.results.find(({ input }) => input.endsWith("odd.png"))!;
    expect(odd.sha256).toBe(createHash("sha256").update(await readFile(join(images, "odd.png"))).digest("hex"));
  });

  it("says what is wrong with folders", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    const [noData, noOut, noModel] = [
      await hidiff(["train", "--preset", "drive-small", "--data", join(folder, "nowhere"), "--out", join(folder, "drive")]),
      await hidiff(["train", "--config", config, "--out", join(file, "run")]),
      await hidiff(["predict", config, "--model", join(folder, "nowhere")]),
    ];
    expect([noData.code, noOut.code, noModel.code]).toEqual([2, 1, 1]);
    expect(lastLine(noData)).toMatch(/^error: --data: dataset\.root: there is no folder ".*nowhere"/);
    expect(lastLine(noOut)).toMatch(/^error: Cannot write .*a part of the path is a file/);
    expect(lastLine(noModel)).toMatch(/^error: There is no model .*nowhere/);
    await expect(access(join(folder, "drive"))).rejects.toThrow();
  });

  it("makes the demo's page", async () => {
    const out = join(folder, "demo");
    const tiny = ["dataset.size=32", "dataset.count={train: 4, validation: 0, test: 1}", "training.cropSize=32", "training.pretraining.iterations=1", "inference.samples=2"];
    const { code, stdout, stderr } = await hidiff(["demo", "--out", out, "--iterations", "1", "--json", ...tiny.flatMap((change) => ["--set", change])]);
    expect(stderr).toMatch(/^Backend \S+: /m); // progress is only shown of what takes a second or more
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: 1, page: join(out, "index.html") });
    const page = await readFile(join(out, "index.html"), "utf8");
    expect(page.match(/data:image\/png/g)).toHaveLength(7 + 2 * 10);
    expect(await readdir(join(out, "pictures", "test-0"))).toHaveLength(7 + 2 * 10);
  });
});
