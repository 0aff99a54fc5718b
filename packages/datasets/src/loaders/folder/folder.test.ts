import { cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { drawImage, type DrawOptions } from "../../testing/draw-image.ts";
import { readVolume } from "../../volumes/read-volume.ts";
import { writeLabelVolume } from "../../volumes/write-volume.ts";
import { openFolderDataset } from "./folder.ts";
import { type CanonicalVolume, writeNifti } from "../volume-cases/fixtures.ts";

let folder = "";
let root = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-folder-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  root = await mkdtemp(join(folder, "root-"));
});

const draw = (path: string, options?: DrawOptions): Promise<void> => drawImage(join(root, path), options);
const describeAs = (yaml: string): Promise<void> => writeFile(join(root, "hidiff-dataset.yaml"), yaml);
const row = (slice: Uint8Array, width = 6): number[] => [...slice.subarray(0, width)];

/** Images and masks of the ids in the usual folders. */
async function plain(ids: readonly string[], mask: DrawOptions = {}): Promise<void> {
  for (const id of ids) {
    await draw(`images/${id}.png`);
    await draw(`masks/${id}.png`, { channels: 1, ...mask });
  }
}

const numbered = (length: number, start = "case"): string[] => Array.from({ length }, (_, i) => `${start}-${String(i).padStart(2, "0")}`);

describe("openFolderDataset without description", () => {
  it("opens images with masks of the same names", async () => {
    await plain(numbered(10));
    await writeFile(join(root, "images", "notes.txt"), "not an image");
    const dataset = await openFolderDataset(root);
    expect(dataset).toMatchObject({
      name: basename(root),
      imageChannels: 3,
      classes: 1,
      classNames: ["foreground"],
      preprocessing: [{ step: "scale", from: "range", to: [-1, 1] }],
    });
    expect(dataset.notes).toBeUndefined();
    expect(dataset.groups).toBeUndefined();
    expect(Object.values(dataset.splits).map((ids) => ids.length)).toEqual([8, 1, 1]);
    expect(Object.values(dataset.splits).flat().sort()).toEqual(numbered(10));
    const { image, labels } = await dataset.load("case-03");
    expect(image).toMatchObject({ depth: 1, height: 4, width: 6, channels: 3 });
    expect(row(labels.slice(0))).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it.each([
    ["0 and 1", "png", 1],
    ["0 and 255", "png", 255],
    ["JPEG noise", "jpg", 250],
  ])("finds one class in masks of %s, also where the first ones are empty", async (_, ending, value) => {
    for (const [index, id] of numbered(3).entries()) {
      await draw(`images/${id}.png`, { width: 32, height: 16 });
      await draw(`masks/${id}.${ending}`, { channels: 1, width: 32, height: 16, value: index === 0 ? 0 : value });
    }
    const dataset = await openFolderDataset(root);
    expect(dataset.classes).toBe(1);
    expect((await dataset.load("case-02")).labels.slice(0)).toEqual(Uint8Array.from({ length: 512 }, (_, i) => (i % 32 >= 16 ? 1 : 0)));
    expect((await dataset.load("case-00")).labels.slice(0)).toEqual(new Uint8Array(512));
  });

  it("reads 16-bit masks, and holds the others to what the first one tells", async () => {
    for (const [index, id] of numbered(2).entries()) {
      await draw(`images/${id}.png`);
      await mkdir(join(root, "masks"), { recursive: true });
      const raw = { width: 6, height: 4, channels: 1 } as const;
      const data = Uint16Array.from({ length: 24 }, (_, i) => (i % 6 >= 3 ? 65535 : 0));
      const mask = index === 0 ? sharp(data, { raw }).toColourspace("grey16") : sharp(Uint8Array.from(data, (value) => value & 255), { raw });
      await mask.toFile(join(root, "masks", `${id}.png`));
    }
    expect(row((await (await openFolderDataset(root)).load("case-00")).labels.slice(0))).toEqual([0, 0, 0, 1, 1, 1]);
    await expect((await openFolderDataset(root)).load("case-01")).rejects.toMatchObject({
      code: "datasets.labels",
      message: expect.stringContaining("case-01.png"),
    });
  });

  it("opens although a file is damaged, which is reported when it is loaded", async () => {
    await plain(numbered(4));
    await writeFile(join(root, "masks/case-00.png"), "cut short");
    await writeFile(join(root, "images/case-01.png"), "");
    const dataset = await openFolderDataset(root);
    for (const id of ["case-00", "case-01"]) {
      await expect(dataset.load(id)).rejects.toMatchObject({ code: "datasets.image", message: expect.stringContaining(`${id}.png`) });
    }
    expect(row((await dataset.load("case-02")).labels.slice(0))).toEqual([0, 0, 0, 1, 1, 1]);
    for (const id of numbered(4)) await writeFile(join(root, `masks/${id}.png`), "cut short");
    await expect(openFolderDataset(root)).rejects.toThrow(/case-00\.png/);
  });

  it("asks for the classes where masks do not tell them", async () => {
    await plain(numbered(3), { value: 3 });
    await expect(openFolderDataset(root)).rejects.toThrow(/case-00\.png" holds the values 3 besides 0.*"classes: \{ polyp: 255 \}"/);
    expect((await openFolderDataset(root, { classes: { polyp: 3 } })).classNames).toEqual(["polyp"]);
    await plain(numbered(3), { value: 0 });
    await expect(openFolderDataset(root)).rejects.toThrow(/all 3 masks are empty/);
  });

  it("says what it expected", async () => {
    await expect(openFolderDataset(join(root, "absent"))).rejects.toMatchObject({ code: "datasets.layout" });
    await expect(openFolderDataset(root)).rejects.toThrow(/masks" cannot be read.*hidiff-dataset\.yaml/);
    await mkdir(join(root, "images"));
    await mkdir(join(root, "masks"));
    await expect(openFolderDataset(root)).rejects.toThrow(/images" holds no image or volume/);
  });

  it("names images and masks that have no partner, or leaves them out", async () => {
    await plain(numbered(7));
    for (const name of ["case-00", "case-01", "case-02", "case-03"]) await rm(join(root, "masks", `${name}.png`));
    await rm(join(root, "images/case-06.png"));
    await expect(openFolderDataset(root)).rejects.toMatchObject({
      code: "datasets.layout",
      message: expect.stringMatching(
        /4 images have no mask \(".*case-00\.png", .*case-02\.png", …\); 1 mask has no image \(".*masks.case-06\.png"\)\..*"unmatched" to "skip"/,
      ),
    });
    const dataset = await openFolderDataset(root, { unmatched: "skip" });
    expect(Object.values(dataset.splits).flat()).toEqual(["case-04", "case-05"]);
    expect(dataset.notes![0]).toMatch(/^Left out: 4 images have no mask/);
    await expect(openFolderDataset(root, { unmatched: "skip", maskSuffix: "_m" })).rejects.toThrow(/No case is left\. Masks are found by the names/);
    await draw("images/case-04.tif");
    await expect(openFolderDataset(root)).rejects.toThrow(/case-04\.png" and ".*case-04\.tif" have the same id, "case-04"/);
  });
});

describe("openFolderDataset with a description", () => {
  it("finds images and masks by patterns and suffixes, in one folder or several", async () => {
    for (const id of numbered(3)) {
      await draw(`scans/${id}_img.png`);
      await draw(`scans/${id}_img_gt.png`, { channels: 1 });
      await draw(`seen/${id}_img.gif`, { channels: 1 });
    }
    for (const yaml of [
      'images: scans\nmasks: scans\nmaskSuffix: _gt\nfieldsOfView: "seen/*.gif"',
      'images: "scans/*_img.png"\nmasks: "scans/*_img_gt.png"\nfieldsOfView: "seen/*_img.gif"',
    ]) {
      await describeAs(yaml);
      const opened = await openFolderDataset(root);
      const ids = Object.values(opened.splits).flat().sort();
      expect(ids).toEqual(numbered(3).map((id) => (yaml.startsWith("images: scans") ? `${id}_img` : id)));
      expect(row((await opened.load(ids[0]!)).fieldOfView!.slice(0))).toEqual([0, 0, 0, 1, 1, 1]);
    }
    await rename(join(root, "scans/case-02_img.png"), join(root, "scans/case-02_img.PNG"));
    expect(Object.values((await openFolderDataset(root)).splits).flat().sort()).toEqual(numbered(3));
    await rename(join(root, "scans/case-02_img.PNG"), join(root, "scans/case-02_img.png"));
    // The pattern of the masks leaves no name with the suffix.
    await describeAs('images: "scans/*_img.png"\nmasks: "scans/*_img.png"\nmaskSuffix: _gt');
    await expect(openFolderDataset(root)).rejects.toThrow(/3 images have no mask/);
    await describeAs('images: "*/a.png"');
    await expect(openFolderDataset(root)).rejects.toThrow(/pattern "\*\/a\.png" must have one "\*", in the file's name/);
  });

  it("maps the values of masks to several classes, and refuses others", async () => {
    await plain(["a", "b"], { value: 200 });
    await plain(["c"], { value: 100 });
    await describeAs("name: two\nclasses: { liver: 100, tumour: [200, 201] }\npreprocessing: [{ step: scale, to: [0, 1] }]\n");
    const dataset = await openFolderDataset(root);
    expect(dataset).toMatchObject({ name: "two", classes: 3, classNames: ["background", "liver", "tumour"] });
    expect(dataset.preprocessing).toEqual([{ step: "scale", from: "range", to: [0, 1] }]);
    expect(row((await dataset.load("a")).labels.slice(0))).toEqual([0, 0, 0, 2, 2, 2]);
    expect(row((await dataset.load("c")).labels.slice(0))).toEqual([0, 0, 0, 1, 1, 1]);
    const other = await openFolderDataset(root, { classes: { nothing: 0, liver: 100, cyst: 1 } });
    expect(other.classNames).toEqual(["nothing", "liver", "cyst"]);
    await expect(other.load("a")).rejects.toMatchObject({ code: "datasets.labels", message: expect.stringMatching(/masks.a\.png" contains 200/) });
    await expect(openFolderDataset(root, { classes: { a: 1, b: [1, 2] } })).rejects.toThrow(/gives the value 1 to "b" and to another class/);
    await expect(openFolderDataset(root, { classes: { background: 0 } })).rejects.toThrow(/1 to 255 classes besides the background/);
  });

  it("thresholds masks of one class with soft edges", async () => {
    await plain(["a"], { value: 90 });
    const low = await openFolderDataset(root, { threshold: 80, classes: ["polyp"] });
    const high = await openFolderDataset(root, { threshold: 95 });
    expect(low.classNames).toEqual(["polyp"]);
    expect(row((await low.load("a")).labels.slice(0))).toEqual([0, 0, 0, 1, 1, 1]);
    expect(row((await high.load("a")).labels.slice(0))).toEqual([0, 0, 0, 0, 0, 0]);
    await expect(openFolderDataset(root, { threshold: 95, classes: ["a", "b"] })).rejects.toThrow(/threshold is for image masks of one class/);
  });

  it("lets names of classes begin with the background", async () => {
    await plain(["a"], { value: 1 });
    for (const classes of [["liver", "tumour"], ["Background", "liver", "tumour"]]) {
      const dataset = await openFolderDataset(root, { classes });
      expect(dataset.classNames.map((name) => name.toLowerCase())).toEqual(["background", "liver", "tumour"]);
      expect(row((await dataset.load("a")).labels.slice(0))).toEqual([0, 0, 0, 1, 1, 1]);
    }
    expect(await openFolderDataset(root, { classes: ["background", "polyp"] })).toMatchObject({ classes: 1, classNames: ["polyp"] });
    await expect(openFolderDataset(root, { classes: ["liver", "background"] })).rejects.toThrow(/must name the background first.*\{ background: 0, liver: 255 \}/);
    await expect(openFolderDataset(root, { classes: ["background"] })).rejects.toThrow(/1 to 255 classes besides the background/);
  });

  it("refuses images in the place of masks", async () => {
    for (const id of ["a", "b"]) {
      await draw(`images/${id}.jpg`, { width: 32, height: 16 });
      await draw(`masks/${id}.jpg`, { width: 32, height: 16, value: 140 });
    }
    const dataset = await openFolderDataset(root);
    await expect(dataset.load("a")).rejects.toMatchObject({ code: "datasets.mask", message: expect.stringContaining("interchanged") });
  });

  it("checks every field, with suggestions", async () => {
    await plain(["a"]);
    await describeAs("image: scans\nunmatched: no\nsplit: { validation: 2, tset: 0.1 }\nclasses: 3");
    await expect(openFolderDataset(root)).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringMatching(
        /yaml" is not valid.*classes: .*split\.validation: .*<=1; split\.tset is not .* mean "test"\?; unmatched: "no" .*; image is .*"images"\?/,
      ),
    });
    await describeAs("images: [");
    await expect(openFolderDataset(root)).rejects.toMatchObject({ code: "datasets.description", message: expect.stringMatching(/no valid YAML: .*line 1/) });
    await describeAs("images");
    await expect(openFolderDataset(root)).rejects.toThrow(/must hold fields such as "images: photos".*got "images"/);
    await describeAs("# nothing yet\n");
    expect((await openFolderDataset(root)).splits.train).toEqual(["a"]);
    await describeAs("table: pairs.csv\nimages: images");
    await expect(openFolderDataset(root)).rejects.toThrow(/describe the cases in one way/);
    await expect(openFolderDataset(root, { groupBy: "(" })).rejects.toMatchObject({ code: "datasets.description" });
    await describeAs("{}");
    await expect(openFolderDataset(root, { groupBy: "(" })).rejects.toThrow(/groupBy "\(" is no regular expression/);
    await expect(openFolderDataset(root, { groupBy: "^p(\\d+)" })).rejects.toThrow(/finds no group in 1 of 1 ids \(a\)/);
    await expect(openFolderDataset(root, { description: "other.yaml" })).rejects.toMatchObject({ code: "file.read" });
  });

  it("takes another file as description", async () => {
    await plain(["a"]);
    await writeFile(join(root, "second.yaml"), "name: second");
    await writeFile(join(folder, "third.yaml"), "name: third");
    expect((await openFolderDataset(root, { description: "second.yaml" })).name).toBe("second");
    expect((await openFolderDataset(root, { description: join(folder, "third.yaml") })).name).toBe("third");
    await expect(openFolderDataset(root, { description: "../third.yaml" })).rejects.toMatchObject({ code: "datasets.path" });
  });
});

describe("the splits of a folder", () => {
  const patients = numbered(20).map((id, i) => `p${i >> 1}_${id}`);

  it("keep patients whole: at random, by lists, in folds", async () => {
    await plain(patients);
    const groupBy = "^(p\\d+)_";
    const random = await openFolderDataset(root, { groupBy, split: { validation: 0.2, test: 0.2, seed: "x" } });
    expect(Object.values(random.splits).map((ids) => ids.length)).toEqual([12, 4, 4]);
    expect(random.groups!.get("p3_case-07")).toBe("p3");
    for (const ids of Object.values(random.splits)) for (const id of ids) expect(ids.filter((other) => other.startsWith(id.slice(0, 3)))).toHaveLength(2);
    expect((await openFolderDataset(root, { groupBy, split: { validation: 0.2, test: 0.2, seed: "x" } })).splits).toEqual(random.splits);

    const folds = await Promise.all([0, 1, 2, 3, 4].map((fold) => openFolderDataset(root, { groupBy, split: { folds: 5, fold, validation: 0.25 } })));
    expect(folds.flatMap(({ splits }) => splits.test).sort()).toEqual([...patients].sort());
    expect(Object.values(folds[0]!.splits).map((ids) => ids.length)).toEqual([12, 4, 4]);

    await writeFile(join(root, "test.txt"), `${patients[0]}.png\n${patients[1]}\n`);
    await writeFile(join(root, "val.txt"), `${patients[2]}\n`);
    const listed = await openFolderDataset(root, { split: { validation: "val.txt", test: "test.txt" } });
    expect(listed.splits).toEqual({ train: patients.slice(3), validation: [patients[2]], test: patients.slice(0, 2) });
    expect(listed.notes).toBeUndefined();
    await writeFile(join(root, "train.txt"), patients.slice(3, -1).join("\r\n"));
    const some = await openFolderDataset(root, { split: { train: "train.txt", validation: "val.txt", test: "test.txt" } });
    expect(some.notes).toEqual([`1 of the 20 cases are in no list and not used: ${patients.at(-1)}.`]);
    await expect(openFolderDataset(root, { groupBy, split: { validation: "val.txt", test: "test.txt" } })).rejects.toMatchObject({ code: "datasets.leak" });
  });

  it("refuse lists that overlap, name nothing or lie elsewhere, and mixed forms", async () => {
    await plain(["a", "b", "c"]);
    await writeFile(join(root, "train.txt"), "a\nb\n");
    await writeFile(join(root, "test.txt"), "b\nc\n");
    await writeFile(join(root, "far.txt"), "b\nz\n");
    await expect(openFolderDataset(root, { split: { train: "train.txt", test: "test.txt" } })).rejects.toThrow(/"train\.txt" and "test\.txt" share 1 id \(b\)/);
    await expect(openFolderDataset(root, { split: { train: "test.txt", test: "test.txt" } })).rejects.toMatchObject({ code: "datasets.overlap" });
    await expect(openFolderDataset(root, { split: { test: "far.txt" } })).rejects.toThrow(/1 of the 2 lines of "far\.txt" .*\(z\); ids look like "a"/);
    await expect(openFolderDataset(root, { split: { test: "../test.txt" } })).rejects.toMatchObject({ code: "datasets.path" });
    for (const split of [{ train: "train.txt", test: 0.1 }, { train: "train.txt", seed: 1 }, { folds: 3 }, { folds: 3, fold: 0, test: 0.1 }, { fold: 1 }]) {
      await expect(openFolderDataset(root, { split })).rejects.toThrow(/mixes its forms/);
    }
    expect((await openFolderDataset(root, { split: { test: 1 } })).splits.test).toEqual(["a", "b", "c"]);
  });
});

describe("tables and pairs", () => {
  it("name files anywhere in the folder, with split, group and field of view", async () => {
    for (const id of ["a", "b"]) {
      await draw(`x/${id}.png`);
      await draw(`y/${id}.png`, { channels: 1 });
    }
    await writeFile(
      join(root, "pairs.csv"),
      "\uFEFFimage;mask;split;group;fieldOfView;age\r\nx/a.png;y/a.png;training;p1;y/b.png;50\r\n\"x/b.png\";y/b.png;val;p2;y/a.png;60\r\n",
    );
    await describeAs("table: pairs.csv");
    const dataset = await openFolderDataset(root);
    expect(dataset.splits).toEqual({ train: ["a"], validation: ["b"], test: [] });
    expect(Object.fromEntries(dataset.groups!)).toEqual({ a: "p1", b: "p2" });
    expect((await dataset.load("a")).fieldOfView).toBeDefined();
  });

  it("call cases by their paths where names occur twice", async () => {
    for (const path of ["p1/scan", "p2/scan", "p3/scan"]) {
      await draw(`${path}.png`);
      await draw(`${path}_mask.png`, { channels: 1 });
    }
    const pairs = ["p1", "p2", "p3"].map((patient) => ({ image: `${patient}/scan.png`, mask: `${patient}/scan_mask.png` }));
    const { splits } = await openFolderDataset(root, { pairs });
    expect(Object.values(splits).flat().sort()).toEqual(["p1/scan", "p2/scan", "p3/scan"]);
    const own = await openFolderDataset(root, { pairs: pairs.map((pair, i) => ({ ...pair, id: `n${i}` })) });
    expect((await own.load("n1")).id).toBe("n1");
    await expect(openFolderDataset(root, { pairs: pairs.map((pair) => ({ ...pair, id: "same" })) })).rejects.toThrow(/two of the pairs have the id "same"/);
  });

  it("cannot lead out of the folder", async () => {
    await draw("a.png");
    await drawImage(join(folder, "secret.png"));
    await symlink(join(folder, "secret.png"), join(root, "link.png"));
    for (const mask of ["../secret.png", join(folder, "secret.png"), "link.png"]) {
      await expect(openFolderDataset(root, { pairs: [{ image: "a.png", mask }] })).rejects.toMatchObject({ code: "datasets.path" });
    }
    await expect(openFolderDataset(root, { images: "..", masks: "." })).rejects.toMatchObject({ code: "datasets.path" });
    await expect(openFolderDataset(root, { table: "../pairs.csv" })).rejects.toMatchObject({ code: "datasets.path" });
    await mkdir(join(root, "images"));
    await mkdir(join(root, "masks"));
    await symlink(join(folder, "secret.png"), join(root, "images/secret.png"));
    await draw("masks/secret.png", { channels: 1 });
    await expect(openFolderDataset(root)).rejects.toMatchObject({ code: "datasets.path" });
    // Others can be read all the same.
    for (const name of ["images/b.png", "masks/b.png"]) await draw(name, { channels: name.startsWith("images") ? 3 : 1 });
    const dataset = await openFolderDataset(root);
    expect((await dataset.load("b")).id).toBe("b");
    await expect(dataset.load("secret")).rejects.toMatchObject({ code: "datasets.path", message: expect.stringContaining("images/secret.png") });
  });

  it("say what is wrong with them", async () => {
    await draw("a.png");
    const table = async (text: string): Promise<unknown> => {
      await writeFile(join(root, "pairs.csv"), text);
      return openFolderDataset(root, { table: "pairs.csv", classes: ["x"] });
    };
    await expect(table("image,masks\na.png,a.png")).rejects.toThrow(/pairs\.csv" has no column "mask"\. Did you mean "masks"\?/);
    await expect(table("image,mask,spilt\na.png,a.png,test")).rejects.toThrow(/column "spilt" .* Did you mean "split"\?/);
    await expect(table("image,mask\na.png")).rejects.toMatchObject({ code: "datasets.table", message: expect.stringMatching(/no complete CSV table.*line 2/) });
    await expect(table("image,mask\na.png,")).rejects.toThrow(/row 2 of ".*pairs\.csv" has nothing in the column "mask"/);
    await expect(table("image,mask\n")).rejects.toThrow(/has no rows/);
    await expect(table("image,mask,split\na.png,a.png,exam")).rejects.toThrow(/split of "a" is "exam"; expected train, validation or test/);
    await expect(table("image,mask\na.png,b.png\nc.png,a.png")).rejects.toThrow(/names 2 files that are not there \(".*b\.png", ".*c\.png"\)/);
    await expect(openFolderDataset(root, { table: "absent.csv" })).rejects.toMatchObject({ code: "file.read" });
    await expect(openFolderDataset(root, { pairs: [{ image: "a.png", mask: "a.png" }, { image: { t1: "a.png" }, mask: "a.png" }] })).rejects.toThrow(
      /same channels: the first has one image, number 2 has t1/,
    );
  });
});

describe("volumes", () => {
  const shape = [2, 3, 4] as const;
  const image: CanonicalVolume = { shape, spacing: [2, 1, 0.5], value: (slice, row, column) => 100 * slice + 10 * row + column };
  const labels = (values: readonly number[]): CanonicalVolume => ({
    ...image,
    value: (slice, _, column) => (slice === 1 ? values[column % values.length]! : 0),
  });

  it("are read as axial slices whatever their order in the file, from the Decathlon's folders", async () => {
    for (const [index, axes] of ["LPS", "RAS", "SLP"].entries()) {
      await writeNifti(join(root, `imagesTr/v${index}.nii.gz`), image, axes, "float32");
      await writeNifti(join(root, `labelsTr/v${index}.nii.gz`), labels([0, 2, 5]), axes, "uint8");
    }
    const dataset = await openFolderDataset(root);
    expect(dataset).toMatchObject({
      imageChannels: 1,
      classes: 3,
      classNames: ["background", "class 2", "class 5"],
      preprocessing: [{ step: "percentile", low: 0.5, high: 99.5, region: "nonzero", to: [0, 1] }],
    });
    for (const id of ["v0", "v1", "v2"]) {
      expect(dataset.depthOf(id)).toBe(2);
      const loaded = await dataset.load(id);
      expect(loaded.image).toMatchObject({ depth: 2, height: 3, width: 4, channels: 1, spacing: [2, 1, 0.5] });
      expect([...loaded.image.slice(1).subarray(0, 8)]).toEqual([100, 101, 102, 103, 110, 111, 112, 113]);
      expect(row(loaded.labels.slice(1), 4)).toEqual([0, 1, 2, 0]);
    }
    const sagittal = await openFolderDataset(root, { plane: "sagittal", classes: { both: [2, 5] }, outside: -1024 });
    expect(sagittal.volumes).toEqual({ plane: "sagittal", outside: -1024 });
    expect(sagittal.classes).toBe(1);
    expect(sagittal.depthOf("v1")).toBe(4);
    expect((await sagittal.load("v1")).image).toMatchObject({ depth: 4, height: 2, width: 3, spacing: [0.5, 2, 1], outside: [-1024] });
    const narrow = await openFolderDataset(root, { classes: { a: 2 } });
    await expect(narrow.load("v1")).rejects.toMatchObject({ code: "datasets.labels", message: expect.stringMatching(/labelsTr.v1\.nii\.gz/) });
  });

  it("have several channels in a file each, by suffixes, columns or pairs", async () => {
    for (const id of ["a", "b"]) {
      for (const [channel, add] of [["t1", 0], ["flair", 1000]] as const) {
        await writeNifti(join(root, `scans/${id}_${channel}.nii.gz`), { ...image, value: (...place) => image.value(...place) + add });
      }
      await writeNifti(join(root, `scans/${id}_seg.nii.gz`), labels([0, 1]), "LPS", "uint8");
    }
    await writeFile(
      join(root, "pairs.csv"),
      `id,one,two,mask\n${["a", "b"].map((id) => `${id},scans/${id}_t1.nii.gz,scans/${id}_flair.nii.gz,scans/${id}_seg.nii.gz`).join("\n")}\n`,
    );
    for (const yaml of [
      "images: scans\nmasks: scans\nmaskSuffix: _seg.nii.gz\nchannels: { t1: _t1.nii.gz, flair: _flair }",
      "table: pairs.csv\nchannels: { t1: one, flair: two }",
      "pairs:\n  - { id: a, image: { t1: scans/a_t1.nii.gz, flair: scans/a_flair.nii.gz }, mask: scans/a_seg.nii.gz }",
    ]) {
      await describeAs(`${yaml}\nclasses: [tumour]`);
      const dataset = await openFolderDataset(root);
      expect(dataset).toMatchObject({ imageChannels: 2, channelNames: ["t1", "flair"], classNames: ["tumour"] });
      const { image: stack } = await dataset.load("a");
      expect([...stack.slice(1).subarray(0, 4)]).toEqual([100, 1100, 101, 1101]);
    }
    await rm(join(root, "scans/b_flair.nii.gz"));
    await describeAs("images: scans\nmasks: scans\nmaskSuffix: _seg\nchannels: { t1: _t1, flair: _flair }\nclasses: [tumour]");
    await expect(openFolderDataset(root)).rejects.toThrow(/1 case lacks a channel \(".*b_t1\.nii\.gz"\)/);
    await describeAs("images: scans\nmasks: scans\nmaskSuffix: _seg\nchannels: { t1: _t1, t2: _t2 }\nclasses: [tumour]");
    await expect(openFolderDataset(root)).rejects.toThrow(/2 cases lack a channel/);
  });

  it("may be DICOM series in folders, with masks of another format", async () => {
    const series = fileURLToPath(new URL("../../volumes/fixtures/dicom-ct", import.meta.url));
    // As archives name folders of series; what looks like an extension is none.
    const patients = ["patient1", "1.2.840.113619.2.55", "1.2.840.113619.2.56"];
    for (const patient of patients) await cp(series, join(root, "images", patient), { recursive: true });
    const volume = await readVolume(join(root, "images", "patient1"));
    const [depth, height, width] = volume.shape;
    await mkdir(join(root, "masks"));
    for (const patient of patients) {
      await writeLabelVolume(join(root, "masks", `${patient}.nrrd`), new Uint8Array(depth * height * width).fill(1), volume);
    }
    const dataset = await openFolderDataset(root);
    expect(Object.values(dataset.splits).flat().sort()).toEqual([...patients].sort());
    expect(dataset.depthOf("patient1")).toBe(depth);
    const loaded = await dataset.load("patient1");
    expect(loaded.labels.slice(0)).toEqual(new Uint8Array(height * width).fill(1));
  });

  it("that cannot be read are left out if the user says so", async () => {
    for (const id of numbered(4)) {
      await writeNifti(join(root, `images/${id}.nii`), image);
      await writeNifti(join(root, `masks/${id}.nii`), labels([0, 1]), "LPS", "uint8");
    }
    await writeFile(join(root, "images/case-02.nii"), "cut short");
    await expect(openFolderDataset(root)).rejects.toThrow(/case-02\.nii/);
    const dataset = await openFolderDataset(root, { badFiles: "skip", split: { test: 0.25 } });
    expect(Object.values(dataset.splits).flat().sort()).toEqual(["case-00", "case-01", "case-03"]);
    expect(dataset.notes!.join()).toMatch(/case-02/);
  });

  it("do not mix with images, fields of view and thresholds", async () => {
    await writeNifti(join(root, "images/a.nii"), image);
    await writeNifti(join(root, "masks/a.nii"), labels([0, 1]));
    await expect(openFolderDataset(root, { threshold: 0.5 })).rejects.toThrow(/threshold is for image masks/);
    await writeNifti(join(root, "seen/a.nii"), labels([1]));
    await expect(openFolderDataset(root, { fieldsOfView: "seen" })).rejects.toThrow(/fields of view are for images/);
    await plain(["b"]);
    await expect(openFolderDataset(root)).rejects.toThrow(/b\.png" is an image and ".*a\.nii" a volume/);
    const pngs = { images: "images/*.png", masks: "masks/*.png" };
    await expect(openFolderDataset(root, { ...pngs, channels: { r: "" } })).rejects.toMatchObject({ code: "config.invalid" });
    await draw("images/c_r.png");
    await draw("masks/c.png");
    await expect(openFolderDataset(root, { ...pngs, channels: { r: "_r" }, unmatched: "skip" })).rejects.toThrow(/channels are for volumes in a file each/);
  });
});
