import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { kvasirSegPranetTest, kvasirSegTest, kvasirSegValidation } from "../splits/lists/kvasir-seg.ts";
import { drawImage } from "../testing/draw-image.ts";
import { openKvasirSeg } from "./kvasir-seg.ts";

let folder = "";
let root = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-kvasir-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ids = ["a", "b", "c", "d", "e", "f"];
beforeEach(async () => {
  root = await mkdtemp(join(folder, "root-"));
  for (const [index, id] of ids.entries()) await draw(id, 20 + index);
});

async function draw(id: string, width = 16, where = root): Promise<void> {
  await drawImage(join(where, "images", `${id}.jpg`), { width, height: 16 });
  await drawImage(join(where, "masks", `${id}.jpg`), { width, height: 16 });
}

async function lists(files: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const [name, lines] of Object.entries(files)) await writeFile(join(root, name), `${lines.join("\r\n")}\n`);
}

describe("openKvasirSeg", () => {
  it("follows the lists of the folder, and reads images of various sizes", async () => {
    await lists({ "train.txt": ["a", "b", "c"], "val.txt": ["d"], "test.txt": ["f"] });
    const dataset = await openKvasirSeg(root);
    expect(dataset.splits).toEqual({ train: ["a", "b", "c"], validation: ["d"], test: ["f"] });
    expect(dataset.notes).toEqual(["1 of the 6 cases are in no list and not used: e."]);
    expect(dataset.preprocessing).toEqual([
      { step: "scale", from: "range", to: [-1, 1] },
      { step: "resize", height: 256, width: 256, image: "cubic" },
    ]);
    const { image, labels } = await dataset.load("c");
    expect([image.height, image.width, image.channels]).toEqual([16, 22, 3]);
    expect([...labels.slice(0).subarray(0, 22)]).toEqual(Array.from({ length: 22 }, (_, i) => (i >= 11 ? 1 : 0)));
  });

  it("takes named lists, and all other images for training where that has none", async () => {
    await lists({ "mine.txt": ["b.jpg", "d.jpg"], "train.txt": ["a", "b"] });
    expect((await openKvasirSeg(root, { lists: { test: "mine.txt" }, validation: 1 })).splits).toEqual({
      train: ["a", "c", "e"],
      validation: ["f"],
      test: ["b", "d"],
    });
  });

  it("never combines lists that overlap", async () => {
    await lists({ "train.txt": ["a", "b", "c", "d", "e"], "pranet_test.txt": ["b", "c", "d", "e", "f"] });
    await expect(openKvasirSeg(root, { lists: { train: "train.txt", test: "pranet_test.txt" } })).rejects.toMatchObject({
      code: "datasets.overlap",
      message: expect.stringMatching(/"train\.txt" and "pranet_test\.txt" share 4 ids \(b, c, d, …\).*use lists of one publication together/),
    });
    await expect(openKvasirSeg(root, { lists: { train: "train.txt", test: "train.txt" } })).rejects.toMatchObject({ code: "datasets.overlap" });
  });

  it("reads no list outside of the folder", async () => {
    await expect(openKvasirSeg(root, { lists: { test: "../test.txt" } })).rejects.toMatchObject({ code: "datasets.path" });
    await expect(openKvasirSeg(root, { lists: { test: join(root, "test.txt") } })).rejects.toMatchObject({ code: "datasets.path" });
    await writeFile(join(folder, "outside.txt"), "a\n");
    await symlink(join(folder, "outside.txt"), join(root, "link.txt"));
    await expect(openKvasirSeg(root, { lists: { test: "link.txt" } })).rejects.toMatchObject({ code: "datasets.path" });
  });

  it("says which options contradict or name nothing", async () => {
    await lists({ "train.txt": ["a"], "val.txt": ["b"], "test.txt": ["c", "x", "y"] });
    await expect(openKvasirSeg(root)).rejects.toThrow(/2 of the 3 ids of "test\.txt" have no image in ".*images": x, y\. Restore .* name other lists/);
    await expect(openKvasirSeg(root, { split: "pranet" })).rejects.toThrow(/100 of the 100 ids of "the package's list of PraNet's test images"/);
    await expect(openKvasirSeg(root, { split: "prannet" as "pranet" })).rejects.toThrow(/must be "random" or "pranet", got "prannet"/);
    await expect(openKvasirSeg(root, { split: "pranet", lists: { test: "test.txt" } })).rejects.toThrow(/give "split" or "lists", not both/);
    await expect(openKvasirSeg(root, { lists: { val: "val.txt" } as object })).rejects.toThrow(/lists has no split "val"/);
    await expect(openKvasirSeg(root, { lists: {} })).rejects.toThrow(/names no file/);
    await lists({ "test.txt": ["c"] });
    await expect(openKvasirSeg(root, { validation: 1 })).rejects.toThrow(/validation images are those of "val\.txt"; leave the option "validation" out/);
    await lists({ "all.txt": ids });
    await expect(openKvasirSeg(root, { lists: { test: "all.txt" } })).rejects.toThrow(/leave none of the 6 images/);
  });

  it("has the published splits where the folder has no lists", async () => {
    const whole = await mkdtemp(join(folder, "whole-"));
    const listed = [...new Set([...kvasirSegPranetTest, ...kvasirSegTest, ...kvasirSegValidation])];
    for (const id of [...listed, "zz"]) await draw(id, 8, whole);
    const random = await openKvasirSeg(whole);
    expect(random.splits.test).toEqual(kvasirSegTest);
    expect(random.splits.validation).toEqual(kvasirSegValidation);
    expect(random.splits.train).toHaveLength(listed.length + 1 - 200);
    expect(random.notes).toEqual([expect.stringMatching(/has \d+ images, Kvasir-SEG 1000/)]);
    await writeFile(join(whole, "train.txt"), "zz\n");
    expect((await openKvasirSeg(whole)).notes).toContainEqual(expect.stringMatching(/has train\.txt without val\.txt and test\.txt: the package's own lists/));
    const pranet = await openKvasirSeg(whole, { split: "pranet", validation: 5 });
    expect(pranet.splits.test).toEqual(kvasirSegPranetTest);
    expect(pranet.splits.validation).toHaveLength(5);
    expect(pranet.splits.validation).toContain("zz");
    expect(pranet.splits.train).toHaveLength(listed.length + 1 - 105);
  });

  it("names images without mask, masks without image, and sizes that differ", async () => {
    await lists({ "test.txt": ["a"] });
    await drawImage(join(root, "masks/a.jpg"), { width: 8, height: 16 });
    const dataset = await openKvasirSeg(root, { lists: { test: "test.txt" } });
    await expect(dataset.load("a")).rejects.toMatchObject({
      code: "datasets.size",
      message: expect.stringMatching(/masks.a\.jpg" is 8×16 but its image ".*images.a\.jpg" is 20×16/),
    });
    await drawImage(join(root, "images/g.JPG"));
    await drawImage(join(root, "masks/g.jpg"));
    await drawImage(join(root, "images/h.png"));
    const odd = await openKvasirSeg(root, { lists: { test: "test.txt" } });
    expect(odd.splits.train).toEqual(["b", "c", "d", "e", "f", "g"]);
    expect(odd.notes).toEqual([expect.stringMatching(/1 image files in ".*images" are not called like .* not used: h\.png\./)]);
    await rm(join(root, "images/b.jpg"));
    await expect(openKvasirSeg(root)).rejects.toThrow(/1 mask has no image: ".*masks.b\.jpg"/);
    await rm(join(root, "masks/c.jpg"));
    await expect(openKvasirSeg(root)).rejects.toThrow(/images.c\.jpg" has no mask/);
    await expect(openKvasirSeg(join(root, "masks"))).rejects.toThrow(/masks.images.*holds "images" and "masks"/);
  });
});
