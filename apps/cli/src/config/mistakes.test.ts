import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodeOf } from "../errors.ts";
import { readConfiguration } from "../options/configuration.ts";

/** Five lines. */
const data = "dataset:\n  name: synthetic-fundus\n  count: { train: 4, validation: 1, test: 1 }\n  size: 64\n  seed: 1\n";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-mistakes-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The error of a file, with the file's name alone in place of its path. */
async function errorOf(text: string, extension: string = "yaml", set: readonly string[] = []): Promise<string> {
  const config = join(folder, `mine.${extension}`);
  await writeFile(config, text);
  const error: unknown = await readConfiguration({ config, set }, "").catch((reason: unknown) => reason);
  if (!(error instanceof Error)) throw new Error("The configuration was accepted.");
  expect(exitCodeOf(error)).toBe(2);
  return error.message.replaceAll(`${folder}/`, "");
}

describe("what a wrong configuration is told", () => {
  it.each([
    ["a typing mistake in a field", "training:\n  batchSise: 8\n", '7: training.batchSise is not an option. Did you mean "batchSize"?'],
    ["a typing mistake in a section", "trainning:\n  batchSize: 8\n", '6: trainning is not an option. Did you mean "training"?'],
    ["a field outside of its section", "batchSize: 8\n", "6: batchSize is not an option. There is training.batchSize and inference.batchSize."],
    ["a field one level too high", "training:\n  learningRate: 0.001\n", "7: training.learningRate is not an option. There is training.pretraining.learningRate."],
    ["a number in quotes", 'training:\n  batchSize: "8"\n', '7: training.batchSize must be a whole number of 1 or more, but is the text "8". Write it without quotes: 8.'],
    ["a comma for a point", "training:\n  averageDecay: 0,99\n", '7: training.averageDecay must be a number from 0 to below 1, but is the text "0,99". Write it as 0.99.'],
    ["a word for a number", "training:\n  batchSize: eight\n", '7: training.batchSize must be a whole number of 1 or more, but is the text "eight".'],
    ["a fraction", "training:\n  batchSize: 2.5\n", "7: training.batchSize must be a whole number of 1 or more, but is 2.5."],
    ["an empty value", "training:\n  batchSize:\n", "7: training.batchSize must be a whole number of 1 or more, but is empty."],
    ["yes", "inference:\n  flips: yes\n", '7: inference.flips must be true or false, but is the text "yes". Write true.'],
    [
      "a crop that is no multiple of 32",
      "training:\n  cropSize: 100\n",
      "7: training.cropSize must be a whole number of 32 or more, a multiple of 32, but is 100. Near it: 96 and 128.",
    ],
    [
      "a window that is no multiple of 32",
      "inference:\n  window: 100\n",
      "7: inference.window must be a whole number of 0 or more, a multiple of 32, but is 100. Near it: 96 and 128.",
    ],
    ["a number out of range", "inference:\n  overlap: 1.5\n", "7: inference.overlap must be a number from 0 to 0.9, but is 1.5."],
    [
      "a wrong word",
      "architecture:\n  diffusion:\n    schedule: cosin\n",
      '8: architecture.diffusion.schedule must be one of cosine, cosine-squared, linear, linear-alpha-bar, but is the text "cosin". Did you mean "cosine"?',
    ],
    ["a schedule that needs more steps", "architecture:\n  diffusion: { schedule: linear }\n", '7: architecture.diffusion.steps: the schedule "linear" needs 20 steps or more; take "cosine" for fewer.'],
    [
      "a target of another kernel",
      "architecture:\n  diffusion:\n    kernel: gaussian\n    target: y0\n",
      '9: architecture.diffusion.target: the Gaussian kernel takes the target "epsilon" only.',
    ],
    ["more steps than there are", "inference:\n  steps: 20\n", "7: inference.steps is 20, but the process has 10 (architecture.diffusion.steps); it must be 1 to 10."],
    [
      "micro-batches larger than a batch",
      "training:\n  batchSize: 4\n  microBatchSize: 8\n",
      "8: training.microBatchSize is 8, more than training.batchSize, which is 4; it must be at most that.",
    ],
    [
      "a segmentor's wrong name",
      "architecture:\n  segmentor:\n    name: u-net\n",
      '8: architecture.segmentor.name: there is no segmentor "u-net". Did you mean "unet"? Known: unet, transunet, swin-unet, attention-unet, residual-unet, masks, onnx, tfjs.',
    ],
    ["a name for a section", "architecture:\n  segmentor: unet\n", '7: architecture.segmentor must be fields with values (name, options), but is the text "unet". Write { name: unet }.'],
    [
      "a segmentor's wrong option",
      "architecture:\n  segmentor:\n    options:\n      basewidth: 8\n",
      '9: architecture.segmentor.options.basewidth is not an option. Did you mean "baseWidth"?',
    ],
    ["a segmentor's option out of range", "architecture:\n  segmentor: { options: { depth: 9 } }\n", "7: architecture.segmentor.options.depth must be a whole number from 1 to 5, but is 9."],
    ["an unknown step", "preprocessing:\n  - step: windw\n", /^mine\.yaml:7: preprocessing\[0\]\.step must be one of scale, clip, .* but is the text "windw"\. Did you mean "window"\?$/],
    ["a step that is a name alone", "preprocessing:\n  - scale\n", /^mine\.yaml:7: preprocessing\[0\] must be fields with values, of which "step" is one of scale, .* Write \{ step: scale \}\.$/],
    [
      "a wrong word where fields may be, too",
      "training:\n  augmentation: rgbs\n",
      '7: training.augmentation must be one of rgb, volume or fields with values (horizontalFlip, verticalFlip, quarterTurn, affine, colorJitter, gaussianBlur), but is the text "rgbs". Did you mean "rgb"?',
    ],
    ["a wrong field deep inside", "training:\n  augmentation:\n    affine:\n      rotatoin: 10\n", '9: training.augmentation.affine.rotatoin is not an option. Did you mean "rotation"?'],
    ["a list for fields", "training:\n  - batchSize: 8\n", /^mine\.yaml:6: training must be fields with values \(seed, batchSize, .*, …\), but is the list .*\. Write "field: value" lines, without the dashes of a list\.$/],
    [
      "a missing file",
      "training:\n  initialWeights:\n    segmentor: none.safetensors\n",
      '8: training.initialWeights.segmentor: there is no file "none.safetensors" (the segmentor\'s weights, as `hidiff import` writes them). Paths are from where the command runs.',
    ],
    [
      "a missing folder of masks",
      "architecture:\n  segmentor: { name: masks }\npriors:\n  folder: none\n",
      "9: priors.folder: there is no folder \"none\" (the folder of another program's masks or probabilities). Paths are from where the command runs.",
    ],
    [
      "masks for a segmentor that takes none",
      "priors:\n  folder: .\n",
      '6: priors are masks of another program, but the segmentor "unet" computes its own; leave priors out, or set architecture.segmentor.name to masks.',
    ],
    ["a tab", "training:\n\tbatchSize: 8\n", "7: There is a tab at the beginning of the line; indent with spaces."],
    ["a second document", `---\n${data}`, '6: A line "---" begins a second document; a configuration is one. Delete what is before or after it.'],
    ["a field twice", "training:\n  batchSize: 8\n  batchSize: 4\n", "8: batchSize is there twice; delete one of them."],
    ["no space after a colon", "training:\n  batchSize:8\n  seed: 1\n", "7: A colon needs a space after it: batchSize: 8"],
    ["a line indented too far", "training:\n  batchSize: 8\n   seed: 1\n", /^mine\.yaml:7: "batchSize: 8" or the line after it is indented wrongly/],
    ["an open quote", 'training:\n  seed: "1\n', "8: A quote has no second one that closes it."],
  ])("%s", async (_what, text, message) => {
    const told = await errorOf(data + text);
    if (typeof message === "string") expect(told).toBe(`mine.yaml:${message}`);
    else expect(told).toMatch(message);
  });

  it.each([
    ["nothing", "", "mine.yaml is empty. Write one to start from: hidiff config init FILE.yaml --preset NAME"],
    ["comments alone", "# mine\n", "mine.yaml is empty. Write one to start from: hidiff config init FILE.yaml --preset NAME"],
    ["a text", "hello\n", 'mine.yaml: A configuration must be fields with values (dataset, preprocessing, priors, architecture, training, inference), but is the text "hello".'],
    ["no data set", "training: {}\n", "mine.yaml: dataset is missing: it must be fields with values (name, …)."],
    ["a data set's name alone", "dataset: drive\n", 'mine.yaml:1: dataset must be fields with values (name, …), but is the text "drive". Write { name: drive }.'],
    ["a data set without name", "dataset:\n  size: 64\n", /^mine\.yaml:1: dataset\.name is missing: it must be one of synthetic-fundus, drive, /],
    ["a data set's wrong name", "dataset:\n  name: drvie\n", /^mine\.yaml:2: dataset\.name: there is no data set "drvie"\. Did you mean "drive"\? Known: /],
    ["no folder", "dataset:\n  name: drive\n", "mine.yaml:1: dataset.root is missing: the folder of the data set; write it there, or give --data FOLDER on the command line."],
    [
      "a wrong folder",
      "dataset:\n  name: drive\n  root: data/DRIEV\n",
      'mine.yaml:3: dataset.root: there is no folder "data/DRIEV" (the folder of the data set; write it there, or give --data FOLDER on the command line). Paths are from where the command runs.',
    ],
    ["a data set's wrong option", "dataset:\n  name: drive\n  root: .\n  observers: 2\n", 'mine.yaml:4: dataset.observers is not an option. Did you mean "observer"?'],
    ["an open bracket", "dataset: [1, 2\ntraining: x\n", 'mine.yaml:2: A "[" has no "]" that closes it.'],
  ])("%s", async (_what, text, message) => {
    const told = await errorOf(text);
    if (typeof message === "string") expect(told).toBe(message);
    else expect(told).toMatch(message);
  });

  it.each([
    ['{\n  "dataset": { "name": "drive", "root": "." },\n  "training": { "batchsize": 3 }\n}', 'mine.json:3: training.batchsize is not an option. Did you mean "batchSize"?'],
    ['{ "dataset": ', 'mine.json:1: A "{" has no "}" that closes it.'],
    [
      '{\n  // mine\n  "dataset": { "name": "drive" }\n}',
      /^mine\.json:2: This is not JSON, which has quotes around names and texts, no comments, and no comma after the last field; a file named \.yaml may be written so\.$/,
    ],
  ])("JSON: %s", async (text, message) => {
    const told = await errorOf(text, "json");
    if (typeof message === "string") expect(told).toBe(message);
    else expect(told).toMatch(message);
  });

  it("everything at once, in the order of the lines", async () => {
    const text = `${data}training:\n  batchSise: 8\n  cropSize: 100\ninference:\n  sampler: dimm\n  steps: 12\n`;
    expect((await errorOf(text)).split("\n").map((line) => line.slice(0, 40))).toEqual([
      "mine.yaml has 4 problems:",
      "mine.yaml:7: training.batchSise is not an option".slice(0, 40),
      "mine.yaml:8: training.cropSize must be a whole".slice(0, 40),
      "mine.yaml:10: inference.sampler must be one of".slice(0, 40),
      "mine.yaml:11: inference.steps is 12, but the".slice(0, 40),
    ]);
  });

  it("names the option of the command line that is wrong", async () => {
    expect(await errorOf(data, "yaml", ["training.batchSise=3"])).toBe('--set training.batchSise: training.batchSise is not an option. Did you mean "batchSize"?');
    expect(await errorOf(`${data}training:\n  batchSize: 4\n`, "yaml", ["training.batchSize=four"])).toMatch(/^--set training\.batchSize: .* but is the text "four"\.$/);
  });
});
