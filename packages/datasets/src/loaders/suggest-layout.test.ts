import { copyFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { identifyLayout, openDataset, suggestLayout, writeSynthetic } from "../node.ts";

let folder = "";
let source = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-suggest-"));
  source = join(folder, "source");
  await writeSynthetic("folder", source, { size: 32, count: { train: 5 } });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder with the images and masks under the given names; `*` stands for a case. */
async function arranged(name: string, ...places: readonly (readonly [kind: "images" | "masks", path: string])[]): Promise<string> {
  const root = join(folder, name);
  for (const [kind, path] of places) {
    for (const file of await readdir(join(source, kind))) {
      const target = join(root, path.replace("*", file.replace(".png", "")));
      await mkdir(join(target, ".."), { recursive: true });
      await copyFile(join(source, kind, file), target);
    }
  }
  return root;
}

/** What the suggestion says to write into the description. */
function suggested(text: string): string {
  return [...text.matchAll(/"(\w+: [^"]+)"/g)].map(([, line]) => `${line}\n`).join("");
}

describe("suggestLayout", () => {
  it.each([
    ["other names", "photos/*.png", "Ground Truth/*.png"],
    ["capitals", "Images/*.png", "Masks/*.png"],
    ["beside each other", "*.png", "*_mask.png"],
    ["strange names", "it's #1/*.png", "all labels: 2/*.png"],
  ])("tells a description that works: %s", async (name, images, masks) => {
    const root = await arranged(name, ["images", images], ["masks", masks]);
    expect(await identifyLayout(root)).toBeUndefined();
    await writeFile(join(root, "hidiff-dataset.yaml"), suggested(await suggestLayout(root)));
    const dataset = await openDataset({ name: "folder", root });
    expect(Object.values(dataset.splits).flat()).toHaveLength(5);
    expect((await dataset.load("colon-003")).image.width).toBe(32);
  });

  it("finds data sets further down", async () => {
    const root = join(folder, "outer");
    await cp(source, join(root, "unpacked", "inner"), { recursive: true });
    expect(await suggestLayout(root)).toContain(`Its folder "${join("unpacked", "inner")}" holds images and masks; give ${join(root, "unpacked", "inner")} instead.`);
    await writeSynthetic("chase-db1", join(root, "unpacked", "CHASE"), { size: 32, count: { train: 2 } });
    expect(await suggestLayout(root)).toMatch(/several data sets: "unpacked.CHASE" \(chase-db1\), "unpacked.inner" \(folder\); give one/);
  });

  it("takes folders of splits for one data set", async () => {
    const root = await arranged("splits", ["images", "train/images/*.png"], ["masks", "train/masks/*.png"], ["images", "test/images/*.png"], ["masks", "test/masks/*.png"]);
    expect(await suggestLayout(root)).toMatch(/folder for each split \(test, train\)\. .*image, mask and split \(paths such as test\/images\/a\.png\).*"table: cases\.csv"/);
  });

  it("says what is missing", async () => {
    const root = join(folder, "missing");
    await mkdir(root);
    expect(await suggestLayout(root)).toMatch(/^It is empty/);
    await writeFile(join(root, "DRIVE.zip"), "PK");
    expect(await suggestLayout(root)).toBe('It holds "DRIVE.zip"; unpack it first.');
    await writeFile(join(root, "notes"), "x");
    await writeFile(join(root, "all.csv"), "image,mask\n");
    expect(await suggestLayout(root)).toContain('"table: all.csv"');
    const images = await arranged("no masks", ["images", "images/*.png"]);
    expect(await suggestLayout(images)).toContain(`"${join(images, "images")}" holds 5 images or volumes, but there are no masks.`);
    await expect(suggestLayout(join(folder, "absent"))).rejects.toMatchObject({ code: "datasets.layout" });
  });

  it("knows DICOM files without an ending", async () => {
    const series = fileURLToPath(new URL("../volumes/fixtures/dicom-ct", import.meta.url));
    const root = join(folder, "dicom");
    await cp(series, join(root, "ct"), { recursive: true });
    for (const path of [root, join(root, "ct")]) expect(await suggestLayout(path)).toContain(`"${join(root, "ct")}" holds DICOM files.`);
  });

  it("names what it does not know", async () => {
    const root = join(folder, "unknown");
    await mkdir(join(root, "a"), { recursive: true });
    await writeFile(join(root, "b.doc"), "x");
    expect(await suggestLayout(root)).toMatch(/^It holds "a\/", "b\.doc"\. A data set of your own/);
  });
});
