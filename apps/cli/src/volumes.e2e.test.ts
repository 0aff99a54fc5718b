import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { selectBackend } from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import type { VolumeSlicing } from "@hidiff/datasets";
import { readImage, readVolume } from "@hidiff/datasets/node";
import { architectureSchema, encodeBundle, HybridModel, inferenceSchema, parse } from "hidiff";
import { writeBundle } from "hidiff/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff, lastLine } from "./testing/command.ts";
import { drawBalls, obliqueAffine, readNifti, writeNifti } from "./testing/nifti.ts";

// Spawns the command from its sources. The tests are one story: each builds on the run that the first one makes.

const size = [26, 22, 7] as const;
const voxelCount = size[0] * size[1] * size[2];

let folder = "";
let run = "";
/** Dice of the classes in case3, as `evaluate` has it. */
let evaluated: number[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-volumes-"));
  run = join(folder, "run");
  for (const inner of ["data/images", "data/masks"]) await mkdir(join(folder, inner), { recursive: true });
  for (const number of [1, 2, 3, 4]) {
    const { image, labels } = drawBalls(number, size);
    await writeNifti(join(folder, "data/images", `case${number}.nii.gz`), image, size, obliqueAffine);
    await writeNifti(join(folder, "data/masks", `case${number}.nii.gz`), labels, size, obliqueAffine);
  }
  await writeFile(join(folder, "data/test.txt"), "case3\ncase4\n");
  await writeFile(
    join(folder, "data/hidiff-dataset.yaml"),
    `
classes: [ball, core]
split: { test: test.txt }
outside: 90
plane: coronal
preprocessing:
  - { step: clip, low: 90, high: 350, to: [-1, 1] }
  - { step: resize, height: 32, width: 32, image: cubic }
`,
  );
  await writeFile(
    join(folder, "tiny.yaml"),
    `
dataset: { name: folder, root: ${JSON.stringify(join(folder, "data"))} }
architecture:
  segmentor: { name: unet, options: { baseWidth: 4, depth: 3 } }
  refiner: { baseWidth: 8 }
  diffusion: { steps: 2, target: y0 }
training:
  batchSize: 4
  cropSize: 32
  augmentation: { affine: false, quarterTurn: false }
  pretraining: { iterations: 100, learningRate: 0.01 }
  alternating: { iterations: 20, refinerLearningRate: 0.005 }
  averageDecay: 0.8
  validationInterval: 0
  checkpointInterval: 100
inference: { samples: 2, window: 32, batchSize: 8 }
`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("hidiff on volumes", () => {
  it("trains, and the model knows how its volumes were prepared", async () => {
    const outcome = await hidiff(["train", "--config", join(folder, "tiny.yaml"), "--out", run]);
    expect(outcome.stderr).not.toContain("error");
    expect(outcome.code).toBe(0);
    const manifest = JSON.parse(await readFile(join(run, "bundle/hidiff.json"), "utf8")) as object;
    expect(manifest).toMatchObject({
      classes: [{ name: "background" }, { name: "ball" }, { name: "core" }],
      preprocessing: { steps: [{ step: "clip", to: [-1, 1] }, { step: "resize", height: 32 }], volumes: { plane: "coronal", outside: 90 } },
      provenance: { dataset: "folder" },
    });
  });

  it("evaluates volume by volume and class by class", async () => {
    const out = join(folder, "evaluation");
    const { code, stdout, stderr } = await hidiff(["evaluate", "--model", run, "--out", out, "--pictures", "--small-objects", "20"]);
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^data, test split: 2 volumes/);
    expect(stdout).toMatch(/\nball .*\ncore .*\n/);
    expect(stdout).toContain("Mean over the 2 classes");
    expect(stdout).toContain("Objects of fewer than 20 pixels");
    const rows = (await readFile(join(out, "metrics.csv"), "utf8")).trim().split("\n").map((line) => line.split(",").slice(0, 3).join());
    expect(rows).toEqual(["seed,image,class", "1,case3,ball", "1,case3,core", "1,case3,mean", "1,case4,ball", "1,case4,core", "1,case4,mean"]);
    const document = JSON.parse(await readFile(join(out, "metrics.json"), "utf8")) as { perClass: { name: string }[]; cases: { perClass: { refined: { dice: number } }[] }[] };
    expect(document).toMatchObject({ protocol: "case", skipped: [], cases: [{ id: "case3" }, { id: "case4" }] });
    expect(document.perClass.map(({ name }) => name)).toEqual(["ball", "core"]);
    evaluated = document.cases[0]!.perClass.map(({ refined }) => refined.dice);
    expect(await readdir(join(out, "pictures"))).toHaveLength(2 * 4);
    expect((await readdir(join(out, "pictures")))[0]).toMatch(/^case3_slice00\d_prior_errors\.png$/);
    expect(await readdir(out)).toContain("small-objects.csv");
  });

  it("evaluates slices, some classes, another data set, and goes on without what cannot be read", async () => {
    const other = join(folder, "other");
    for (const inner of ["images", "masks"]) {
      await mkdir(join(other, inner), { recursive: true });
      for (const name of ["case3", "case4"]) await copyFile(join(folder, "data", inner, `${name}.nii.gz`), join(other, inner, `${name}.nii.gz`));
    }
    const whole = await readFile(join(other, "images/case4.nii.gz"));
    await writeFile(join(other, "images/case4.nii.gz"), whole.subarray(0, whole.length - 500));
    await writeFile(join(other, "list.txt"), "case3\ncase4\n");
    await writeFile(join(other, "hidiff-dataset.yaml"), "classes: [sphere, kernel]\nsplit: { test: list.txt }\n");
    const out = join(folder, "across");
    const shared = ["evaluate", "--model", join(run, "bundle"), "--dataset", "folder", "--data", other, "--set", "plane=coronal", "--protocol", "slice", "--no-surface", "--out", out, "--json"];
    const [sliced, different, torn, skipping] = [
      await hidiff(shared.filter((argument) => argument !== "--set" && argument !== "plane=coronal")),
      await hidiff(shared),
      await hidiff([...shared, "--map", "sphere=ball", "--map", "kernel=core"]),
      await hidiff([...shared, "--map", "sphere=ball", "--map", "kernel=core", "--classes", "core", "--skip-bad"]),
    ];
    expect(lastLine(sliced)).toMatch(/was trained on coronal slices of volumes, but other holds axial slices of volumes; open the data set with --set plane=coronal/);
    expect(lastLine(different)).toMatch(/the model's classes \("ball", "core"\) are not those of other \("sphere", "kernel"\)/);
    expect(torn.code).toBe(1);
    expect(lastLine(torn)).toMatch(/^error: .*case4\.nii\.gz/);
    expect(skipping.code).toBe(0);
    const document = JSON.parse(skipping.stdout) as { cases: { id: string }[]; skipped: { id: string; reason: string }[]; perClass: { name: string }[] };
    expect(document.cases.map(({ id }) => id)).toEqual(Array.from({ length: size[1] }, (_, index) => `case3/${String(index).padStart(3, "0")}`));
    expect(document.skipped).toEqual([{ id: "case4", reason: expect.stringContaining("case4.nii.gz") }]);
    expect(document.perClass.map(({ name }) => name)).toEqual(["core"]);
  });

  it("writes masks with the affine of the input bit for bit, whatever order its voxels are stored in", async () => {
    const inputs = join(folder, "inputs");
    await mkdir(inputs);
    const { image } = drawBalls(3, size);
    await copyFile(join(folder, "data/images/case3.nii.gz"), join(inputs, "case3.nii.gz"));
    // The same volume with its first axis the other way round.
    const mirror = <T extends Uint8Array | Float32Array>(voxels: T): T => voxels.map((_, voxel) => voxels[voxel - (voxel % size[0]) + size[0] - 1 - (voxel % size[0])]!) as T;
    const mirrored = obliqueAffine.map(([i, j, k, origin]) => [-i, j, k, origin + (size[0] - 1) * i] as const);
    await writeNifti(join(inputs, "mirrored.nii"), mirror(image), size, mirrored);
    const torn = await readFile(join(inputs, "case3.nii.gz"));
    await writeFile(join(inputs, "torn.nii.gz"), torn.subarray(0, torn.length / 2));
    const out = join(folder, "masks");
    const outcome = await hidiff(["predict", inputs, "--model", run, "--out", out, "--overlay", "--probability", "--seed", "1"]);
    expect(lastLine(outcome)).toBe("error: 1 of 3 inputs could not be segmented.");
    expect(outcome.stderr).toMatch(/error: .*torn\.nii\.gz/);
    expect((await readdir(out)).sort()).toEqual(
      [".hidiff", "manifest.json", "measurements.csv", ...["case3", "mirrored"].flatMap((name) => [`${name}_mask.nii.gz`, `${name}_overlay.png`, `${name}_probability_ball.nii.gz`, `${name}_probability_core.nii.gz`])].sort(),
    );
    for (const [name, input] of [["case3", "case3.nii.gz"], ["mirrored", "mirrored.nii"]] as const) {
      const { header } = await readNifti(join(inputs, input));
      for (const kind of ["mask", "probability_ball", "probability_core"]) {
        const result = await readNifti(join(out, `${name}_${kind}.nii.gz`));
        expect(result.voxels).toHaveLength(voxelCount);
        // pixdim, then the codes, quaternion, offsets and rows of qform and sform; the units and the description, too
        for (const [start, end] of [[76, 108], [123, 124], [148, 228], [252, 328]] as const) {
          expect(result.header.subarray(start, end).equals(header.subarray(start, end)), `${name}_${kind} ${start}`).toBe(true);
        }
      }
      expect(await readImage(join(out, `${name}_overlay.png`))).toMatchObject({ width: size[0], height: size[2], channels: 3 }); // coronal
    }
    const [own, other] = await Promise.all(["case3", "mirrored"].map((name) => readNifti(join(out, `${name}_mask.nii.gz`))));
    expect(new Set(own!.voxels)).toEqual(new Set([0, 1, 2]));
    expect(mirror(other!.voxels)).toEqual(own!.voxels);
    const ball = await readNifti(join(out, "case3_probability_ball.nii.gz"));
    expect(ball.voxels).toBeInstanceOf(Float32Array);
    expect(ball.voxels.every((value) => value >= 0 && value <= 1)).toBe(true);
    // The same chains as in the evaluation: what is written is what was scored.
    const { labels } = drawBalls(3, size);
    expect([1, 2].map((label) => dice(own!.voxels, labels, label))).toEqual(evaluated.map((value) => expect.closeTo(value, 12)));
    expect(Math.max(...evaluated)).toBeGreaterThan(0.3);
  });

  it("stops at Ctrl-C, with the manifest of what is done and nothing half-written", async () => {
    const out = join(folder, "stopped");
    let interrupted = false;
    const inputs = [1, 2, 3].map((number) => join(folder, `data/images/case${number}.nii.gz`));
    const outcome = await hidiff(["predict", ...inputs, "--model", run, "--out", out, "--samples", "400"], {
      onProgress: (stderr, interrupt) => {
        if (interrupted || !stderr.includes("case1: 0/3")) return;
        interrupted = true;
        interrupt();
      },
    });
    expect(outcome.code).toBe(130);
    expect(outcome.stderr).toContain("Stopping;");
    expect(lastLine(outcome)).toBe("stopped: 3 of 3 inputs are not done; the same command goes on with them.");
    expect((await readdir(out)).sort()).toEqual([".hidiff", "manifest.json", "measurements.csv"]);
    expect(await readdir(join(out, ".hidiff"))).toEqual([]);
    const evaluation = await hidiff(["evaluate", "--model", run, "--out", join(folder, "stopped-evaluation"), "--samples", "400"], {
      onProgress: (stderr, interrupt) => (stderr.includes("Evaluation: ") && !stderr.includes("Stopping") ? interrupt() : undefined),
    });
    expect(lastLine(evaluation)).toBe("stopped: Ctrl-C was pressed.");
    expect(await readdir(join(folder, "stopped-evaluation"))).toEqual([]);
  });

  it("refuses pictures, which have not the units of volumes", async () => {
    const outcome = await hidiff(["predict", join(folder, "masks/case3_overlay.png"), "--model", run, "--out", join(folder, "pictures")]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/case3_overlay\.png is a picture, but the model data-0 was trained on coronal slices of volumes/);
    expect((await readdir(join(folder, "pictures"))).sort()).toEqual([".hidiff", "manifest.json", "measurements.csv"]);
  });

  it("writes the format of its choice", async () => {
    const out = join(folder, "formats");
    for (const format of ["nrrd", "mha"]) {
      const { code } = await hidiff(["predict", join(folder, "inputs/case3.nii.gz"), "--model", run, "--out", out, "--seed", "1", "--format", format]);
      expect(code).toBe(0);
    }
    const { voxels } = await readNifti(join(folder, "masks/case3_mask.nii.gz"));
    const input = await readVolume(join(folder, "inputs/case3.nii.gz"));
    for (const format of ["nrrd", "mha"]) {
      const mask = await readVolume(join(out, `case3_mask.${format}`));
      expect(Uint8Array.from(mask.data)).toEqual(voxels);
      expect(mask.geometry.direction).toEqual(input.geometry.direction.map((value) => expect.closeTo(value, 5)));
      expect(mask.geometry.origin).toEqual(input.geometry.origin.map((value) => expect.closeTo(value, 3)));
    }
    // Their own format is that of the input.
    const again = await hidiff(["predict", join(out, "case3_mask.nrrd"), join(out, "case3_mask.mha"), "--model", run, "--out", join(folder, "own")]);
    expect(again.code).toBe(0);
    expect((await readdir(join(folder, "own"))).sort()).toEqual([".hidiff", "case3_mask-2_mask.mha", "case3_mask_mask.nrrd", "manifest.json", "measurements.csv"]);
  });

  it("takes a folder of DICOM files for one volume, and writes a DICOM Segmentation with the voxels that NIfTI has", async () => {
    const series = fileURLToPath(new URL("../../../packages/datasets/src/volumes/fixtures/dicom-oblique", import.meta.url));
    const out = join(folder, "dicom");
    for (const format of [[], ["--format", "nii.gz"]]) {
      const { code, stderr } = await hidiff(["predict", series, "--model", run, "--out", out, "--uncertainty", ...format]);
      expect(stderr).not.toContain("error");
      expect(code).toBe(0);
    }
    expect((await readdir(out)).sort()).toEqual([
      ".hidiff", "dicom-oblique_mask.dcm", "dicom-oblique_mask.nii.gz", "dicom-oblique_uncertainty_ball.nii.gz", "dicom-oblique_uncertainty_core.nii.gz", "manifest.json", "measurements.csv",
    ]);
    const [input, mask] = [await readVolume(series), await readVolume(join(out, "dicom-oblique_mask.nii.gz"))];
    // The object ends with a bit a pixel for every slice that has some of a class, class by class.
    const size = mask.shape[1] * mask.shape[2];
    const slices = Array.from({ length: mask.shape[0] }, (_, slice) => Array.from(mask.data.subarray(slice * size, (slice + 1) * size)));
    const bits = [1, 2].flatMap((label) => slices.filter((slice) => slice.includes(label)).flatMap((slice) => slice.map((value) => (value === label ? 1 : 0))));
    expect(bits.length).toBeGreaterThan(0);
    const bytes = Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, byte) => bits.slice(8 * byte, 8 * byte + 8).reduce<number>((sum, bit, at) => sum + (bit << at), 0));
    const object = await readFile(join(out, "dicom-oblique_mask.dcm"));
    const end = object.length - (bytes.length % 2);
    expect(Uint8Array.from(object.subarray(end - bytes.length, end))).toEqual(bytes);
    expect(mask.shape).toEqual(input.shape);
    for (const field of ["spacing", "origin", "direction"] as const) {
      expect(mask.geometry[field]).toEqual(input.geometry[field].map((value) => expect.closeTo(value, 4)));
    }
  });

  it("puts the files of several channels together, and says which one is missing", async () => {
    await selectBackend({ prefer: "cpu" });
    const architecture = parse(
      architectureSchema,
      { imageChannels: 2, classes: 1, segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
      "The test's architecture",
    );
    const model = new HybridModel(architecture, new Generator(1));
    const bundle = join(folder, "two-channels");
    const photographs = join(folder, "photographs");
    const pack = async (path: string, volumes?: VolumeSlicing): Promise<void> => {
      const files = await encodeBundle(model, model.refiner.stateDict(), {
        name: "two-channels",
        inference: parse(inferenceSchema, { samples: 1, window: 32 }, "The test's inference"),
        classes: [{ label: 0, name: "background", colour: "#000000" }, { label: 1, name: "ball", colour: "#e6194b" }],
        channelNames: ["t1", "flair"],
        preprocessing: { steps: [{ step: "z-score", region: "all" }], volumes },
      });
      await writeBundle(path, files);
    };
    await pack(bundle, { plane: "axial", outside: 0 });
    await pack(photographs);
    model.dispose();
    const inputs = join(folder, "channels");
    await mkdir(inputs);
    for (const name of ["one_t1", "one_flair", "one_seg", "two_0000", "two_0001", "three_t1", "moved_t1"]) {
      await writeNifti(join(inputs, `${name}.nii.gz`), drawBalls(name.length, size).image, size, obliqueAffine);
    }
    const moved = obliqueAffine.map(([i, j, k, origin], row) => [i, j, k, row === 2 ? origin + 5 : origin] as const);
    await writeNifti(join(inputs, "moved_flair.nii.gz"), drawBalls(1, size).image, size, moved);
    const out = join(folder, "channel-masks");
    const outcome = await hidiff(["predict", inputs, "--model", bundle, "--out", out, "--json"]);
    expect(lastLine(outcome)).toBe("error: 2 of 4 inputs could not be segmented.");
    expect(outcome.stderr).toMatch(/three in .* has 1 of 2 channels: there is no three_flair or three_0001/);
    expect(outcome.stderr).toMatch(/moved_t1\.nii\.gz.*is not on the grid of .*moved_flair|moved_flair\.nii\.gz.*is not on the grid of .*moved_t1/);
    expect((await readdir(out)).sort()).toEqual([".hidiff", "manifest.json", "measurements.csv", "one_mask.nii.gz", "two_mask.nii.gz"]);
    const { results } = JSON.parse(outcome.stdout) as { results: { channels?: string[] }[] };
    expect(results.find(({ channels }) => channels?.[0]?.includes("one"))!.channels).toEqual([join(inputs, "one_t1.nii.gz"), join(inputs, "one_flair.nii.gz")]);
    const unoriented = await hidiff(["predict", inputs, "--model", photographs, "--out", join(folder, "unoriented")]);
    expect(unoriented.stderr).toMatch(/one_t1\.nii\.gz is a volume, but the images that the model two-channels was trained on say nothing of how slices lie/);
    const single = await hidiff(["predict", join(inputs, "one_seg.nii.gz"), "--model", bundle, "--out", out]);
    expect(single.stderr).toMatch(/one_seg\.nii\.gz has 1 channel, but the model two-channels takes 2 channels; give a file with all of t1, flair, or one file a channel, named CASE_t1, CASE_flair/);
  });
});

function dice(mask: ArrayLike<number>, truth: Uint8Array, label: number): number {
  let [both, sum] = [0, 0];
  truth.forEach((value, index) => {
    both += Number(value === label && mask[index] === label);
    sum += Number(value === label) + Number(mask[index] === label);
  });
  return (2 * both) / sum;
}
