import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { isHidiffError } from "@hidiff/core-tensor/errors";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareSamples, type SegmentationDataset, tryLoad } from "../index.ts";
import { type DatasetInspection, inspectDataset, openDataset, type SyntheticKind, writeSynthetic, type WriteSyntheticOptions } from "../node.ts";
import {
  changedBytes,
  type Damage,
  damages,
  greyInsteadOfColour,
  maskWithOtherValues,
  voxelOf,
  wrongArchives,
  wrongHdf5,
  wrongImages,
  wrongVolumes,
} from "../testing/damages.ts";

// Every file of every layout meets with every accident that its format allows: either the data set cannot be opened, or one
// case cannot be read and all others can. The message names the file and says what to do.

const always = [...damages, ...changedBytes];
const colour = [...always, ...wrongImages, greyInsteadOfColour];
const mask = [...always, ...wrongImages];
const volume = [...always, ...wrongVolumes];
const labels = [...volume, voxelOf(77), voxelOf(-1), voxelOf(0.5)];

interface Layout {
  readonly kind: SyntheticKind;
  readonly count: NonNullable<WriteSyntheticOptions["count"]>;
  /** The files to damage; `*` is the case. */
  readonly files: readonly (readonly [path: string, damages: readonly Damage[], id?: string])[];
  /** The case that they belong to; of Kvasir-SEG, whose names are random, the second. */
  readonly id: string;
}

const layouts: readonly Layout[] = [
  {
    kind: "drive",
    count: { train: 2, test: 1 },
    id: "22_training",
    files: [["training/images/*.tif", colour], ["training/1st_manual/22_manual1.gif", mask], ["training/mask/*_mask.gif", mask]],
  },
  { kind: "chase-db1", count: { train: 4 }, id: "Image_01R", files: [["*.jpg", colour], ["*_1stHO.png", mask]] },
  { kind: "kvasir-seg", count: { train: 2, validation: 1, test: 1 }, id: "", files: [["images/*.jpg", colour], ["masks/*.jpg", mask]] },
  { kind: "cvc-clinicdb", count: { train: 9 }, id: "2", files: [["Original/*.tif", colour], ["Ground Truth/*.tif", mask]] },
  {
    kind: "synapse",
    count: { train: 2, test: 2 },
    id: "case0006_slice001",
    files: [["train_npz/*.npz", [...always, ...wrongArchives]], ["test_vol_h5/case0002.npy.h5", [...always, ...wrongHdf5], "case0002"]],
  },
  {
    kind: "synapse-raw",
    count: { train: 2, test: 1 },
    id: "case0006",
    files: [["RawData/Training/img/img0006.nii.gz", volume], ["RawData/Training/label/label0006.nii.gz", labels]],
  },
  { kind: "brats2021", count: { train: 2, test: 1 }, id: "BraTS2021_00001", files: [["*/*_t1.nii.gz", volume], ["*/*_flair.nii.gz", volume], ["*/*_seg.nii.gz", labels]] },
  { kind: "msd", count: { train: 3 }, id: "hippocampus_002", files: [["imagesTr/*.nii.gz", volume], ["labelsTr/*.nii.gz", labels]] },
  {
    kind: "folder",
    count: { train: 2, validation: 1, test: 1 },
    id: "colon-002",
    files: [["images/*.png", colour], ["masks/*.png", [...mask, maskWithOtherValues]]],
  },
];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-Übel 壊 #1 %20 [x]-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const nameOf = (kind: SyntheticKind): string => (kind === "synapse-raw" ? "synapse" : kind);
const idsOf = ({ splits }: SegmentationDataset): string[] => Object.values(splits).flat();

/** A verb that tells the user what to do. */
const remedy = /\b(copy|download|restore|replace|convert|put|correct|prepare|write|resample|check|open|remove|choose|take|describe|give)\b/i;

type Outcome = { readonly dataset?: SegmentationDataset; readonly inspection?: DatasetInspection; readonly refusal?: unknown };

async function inspect(kind: SyntheticKind, root: string, options: object = {}): Promise<Outcome> {
  try {
    const dataset = await openDataset({ name: nameOf(kind), root, ...options });
    return { dataset, inspection: await inspectDataset(dataset) };
  } catch (refusal) {
    return { refusal };
  }
}

function expectClear(message: string, path: string): void {
  expect(message).toContain(path);
  expect(message).toMatch(remedy);
  expect(message).not.toContain("\n");
  expect(message.length).toBeLessThan(900);
}

/** @returns whether the damage was noticed */
function judge({ dataset, inspection, refusal }: Outcome, id: string, path: string, ids: readonly string[], partners: readonly string[]): boolean {
  if (dataset === undefined || inspection === undefined) {
    if (!isHidiffError(refusal)) throw new Error(`not an error of ours: ${String(refusal)}`, { cause: refusal });
    expect(refusal.code).toMatch(/^(datasets\.[a-z0-9]+|file\.read)$/);
    // A file that is missing may be told by its name in its folder, or by what is left of its case.
    expectClear(refusal.message, [path, basename(path), ...partners].find((name) => refusal.message.includes(name)) ?? path);
    return true;
  }
  const { facts, unreadable, findings } = inspection;
  if (unreadable.length === 0) {
    const note = findings.some(({ kind, message }) => kind === "note" && message.includes(basename(path).replace(/\..*/, "").replace(/^(img|label)/, "")));
    return note && facts.length === ids.length - 1;
  }
  expect(unreadable.map((bad) => bad.id)).toEqual([id]);
  expectClear(unreadable[0]!.reason, path);
  expect(facts.map((fact) => fact.id)).toEqual(idsOf(dataset).filter((other) => other !== id));
  expect([...idsOf(dataset)].sort()).toEqual(ids);
  return true;
}

describe.each(layouts.map((layout) => [layout.kind, layout] as const))("%s", (kind, { count, files, id: caseId }) => {
  let root = "";
  let ids: readonly string[] = [];
  let id = caseId;
  const fileOf = (path: string): string => join(root, path.replaceAll("*", id));
  beforeAll(async () => {
    root = join(folder, kind);
    await writeSynthetic(kind, root, { size: 32, depth: 4, count });
    const { dataset, inspection } = await inspect(kind, root);
    expect(inspection?.unreadable).toEqual([]);
    ids = idsOf(dataset!).sort();
    if (id === "") id = dataset!.splits.train[1]!;
  });

  const cases = files.flatMap(([path, befallen, other]) => befallen.map((damage) => [path, damage.name, damage, other] as const));
  it.each(cases)("%s: %s", async (path, _name, damage, other) => {
    const file = fileOf(path);
    const elsewhere = await mkdtemp(join(folder, "elsewhere-"));
    await copyFile(file, join(folder, "backup"));
    try {
      await damage.apply(file, elsewhere);
      const noticed = judge(await inspect(kind, root), other ?? id, file, ids, files.map(([partner]) => fileOf(partner)));
      if (damage.mayGoUnnoticed !== true) expect(noticed).toBe(true);
    } finally {
      await rm(file, { recursive: true, force: true });
      await copyFile(join(folder, "backup"), file);
    }
  }, 10_000);

  it("is read through links that stay in it, and where it is a link itself", async () => {
    const copy = await mkdtemp(join(folder, "linked-"));
    await cp(root, join(copy, "real"), { recursive: true });
    await symlink("real", join(copy, "link"));
    const file = join(copy, "real", relative(root, fileOf(files[0]![0])));
    await mkdir(join(copy, "real", ".store"));
    await rename(file, join(copy, "real", ".store", "object"));
    await symlink(join(copy, "link", ".store", "object"), file);
    for (const name of ["real", "link"]) {
      const { dataset, inspection } = await inspect(kind, join(copy, name));
      expect(inspection?.unreadable).toEqual([]);
      expect(idsOf(dataset!).sort()).toEqual(ids);
    }
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("names a file that may not be read (skipped for root, who may read all)", async () => {
    for (const [path, , other] of files) {
      const file = fileOf(path);
      await chmod(file, 0);
      const outcome = await inspect(kind, root);
      await chmod(file, 0o600);
      expect(judge(outcome, other ?? id, file, ids, [])).toBe(true);
      const { refusal, inspection } = outcome;
      expect(isHidiffError(refusal) ? refusal.message : inspection?.unreadable[0]?.reason).toContain("permission was denied");
    }
  });
});

describe("names that are not ASCII", () => {
  const names = ["größe é ñ", "тест", "壊れた#%20", "🧠 a'b(c)", "naïve", "x.y.z"];

  /** Draws a data set and gives its cases other names, also in its lists. */
  async function renamed(kind: "kvasir-seg" | "folder" | "msd" | "brats2021"): Promise<{ root: string; ids: string[] }> {
    const root = join(folder, `renamed ${kind}`);
    const count = kind === "kvasir-seg" || kind === "folder" ? { train: 4, validation: 1, test: 1 } : kind === "msd" ? { train: 6 } : { train: 6 };
    const files = await writeSynthetic(kind, root, { size: 32, depth: 2, count });
    const old = [...new Set(files.flatMap((file) => /(cju\w{22}|colon-\d+|hippocampus_\d+|BraTS2021_\d+)/.exec(file)?.[0] ?? []))];
    const fresh = old.map((_, index) => (kind === "brats2021" ? `BraTS ${names[index]!}_${index}` : names[index]!));
    const rename1 = (text: string): string => old.reduce((result, name, index) => result.replaceAll(name, fresh[index]!), text);
    for (const file of files) {
      await mkdir(join(root, rename1(file), ".."), { recursive: true });
      await rename(join(root, file), join(root, rename1(file)));
      if (file.endsWith(".txt") || file.endsWith(".json")) await writeFile(join(root, file), rename1(await readFile(join(root, file), "utf8")));
    }
    for (const name of old) await rm(join(root, name), { recursive: true, force: true });
    return { root, ids: fresh };
  }

  it.each(["kvasir-seg", "folder", "msd", "brats2021"] as const)("%s", async (kind) => {
    const { root, ids } = await renamed(kind);
    const { dataset, inspection } = await inspect(kind, root);
    expect(inspection?.unreadable).toEqual([]);
    expect(idsOf(dataset!).sort()).toEqual([...ids].sort());
    if (kind !== "msd") return;
    await rm(join(root, "dataset.json"));
    expect(idsOf((await inspect(kind, root)).dataset!).sort()).toEqual([...ids].sort());
  });

  it("match where an archive from macOS has their accents apart, and a list has not", async () => {
    const root = join(folder, "apart");
    await writeSynthetic("folder", root, { size: 32, count: { train: 2 } });
    await rename(join(root, "images", "colon-001.png"), join(root, "images", "größe.png".normalize("NFD")));
    await rename(join(root, "masks", "colon-001.png"), join(root, "masks", "größe.png".normalize("NFC")));
    await writeFile(join(root, "train.txt"), `colon-002\n${"größe".normalize("NFC")}\n`);
    const { inspection } = await inspect("folder", root);
    expect(inspection?.facts.map(({ id }) => id)).toEqual(["colon-002", "größe".normalize("NFC")]);
  });
});

describe("paths that lead out of the data set", () => {
  let root = "";
  const refused = async (name: string, options: object, named: string): Promise<void> => {
    const outcome = await openDataset({ name, root, ...options }).then(inspectDataset).catch((error: unknown) => error);
    if (!isHidiffError(outcome)) throw new Error(`${named} was followed, or gave another error: ${JSON.stringify(outcome)}`, { cause: outcome });
    expect(outcome.code).toMatch(/^datasets\.(path|list|option)$/);
    expect(outcome.message).toContain(named);
    expect(outcome.message).not.toContain("top secret");
  };
  /** As they would look from the data set. */
  const outside = (): readonly string[] => ["../secret.png", "images/../../secret.png", join(folder, "secret.png"), "..\\secret.png", "C:\\secret.png", "file:///../secret.png/../.."];

  beforeAll(async () => {
    const pixels = { create: { width: 32, height: 26, channels: 3, background: "red" } } as const;
    await sharp(pixels).png().toFile(join(folder, "secret.png"));
    await writeFile(join(folder, "secret.txt"), "top secret\n");
  });

  it("in hidiff-dataset.yaml, tables and lists", async () => {
    root = join(folder, "escaping");
    await writeSynthetic("folder", root, { size: 32, count: { train: 3 } });
    const description = join(root, "hidiff-dataset.yaml");
    const write = (fields: object): Promise<void> => writeFile(description, JSON.stringify({ classes: { polyp: 255 }, ...fields }));
    for (const path of outside()) {
      const named = JSON.stringify(path);
      await write({ pairs: [{ image: path, mask: "masks/colon-001.png" }] });
      await refused("folder", {}, named);
      await write({ pairs: [{ image: "images/colon-001.png", mask: path }] });
      await refused("folder", {}, named);
      await write({ pairs: [{ image: "images/colon-001.png", mask: "masks/colon-001.png", fieldOfView: path }] });
      await refused("folder", {}, named);
      await writeFile(join(root, "table.csv"), `image,mask\nimages/colon-002.png,masks/colon-002.png\nimages/colon-001.png,${path}\n`);
      await write({ table: "table.csv" });
      await refused("folder", {}, named);
    }
    for (const path of ["..", "../..", folder, "images/../.."]) {
      for (const field of ["images", "masks", "fieldsOfView"]) {
        await write({ images: "images", masks: "masks", [field]: path });
        await refused("folder", {}, JSON.stringify(path));
      }
    }
    for (const path of ["../secret.txt", join(folder, "secret.txt")]) {
      await write({ split: { test: path } });
      await refused("folder", {}, JSON.stringify(path));
      await write({ table: path });
      await refused("folder", {}, JSON.stringify(path));
      await refused("folder", { description: "../secret.txt" }, '"../secret.txt"');
    }
    await write({ split: { test: "test.txt" } });
    await writeFile(join(root, "test.txt"), "../../secret\n");
    await refused("folder", {}, "test.txt");
    await rm(join(root, "test.txt"));
    await symlink(join(folder, "secret.txt"), join(root, "test.txt"));
    await refused("folder", {}, "test.txt");
    await rm(description);
    await symlink(join(folder, "secret.txt"), description);
    await refused("folder", {}, "hidiff-dataset.yaml");
  });

  it("in Kvasir-SEG's lists", async () => {
    root = join(folder, "kvasir-seg");
    await refused("kvasir-seg", { lists: { test: "../secret.txt" } }, '"../secret.txt"');
    const list = await readFile(join(root, "test.txt"));
    await writeFile(join(root, "test.txt"), "../../secret\n");
    await refused("kvasir-seg", {}, "test.txt");
    await rm(join(root, "test.txt"));
    await symlink(join(folder, "secret.txt"), join(root, "test.txt"));
    await refused("kvasir-seg", {}, "test.txt");
    await rm(join(root, "test.txt"));
    await writeFile(join(root, "test.txt"), list);
  });

  it("in Synapse's lists", async () => {
    root = join(folder, "synapse");
    const path = join(root, "lists_Synapse", "test_vol.txt");
    const list = await readFile(path);
    await writeFile(path, "../../secret\n");
    await refused("synapse", {}, "test_vol.txt");
    await rm(path);
    await symlink(join(folder, "secret.txt"), path);
    await refused("synapse", {}, "test_vol.txt");
    await rm(path);
    await writeFile(path, list);
  });

  it("in dataset.json", async () => {
    root = join(folder, "msd");
    const path = join(root, "dataset.json");
    const text = await readFile(path, "utf8");
    for (const field of ["image", "label"]) {
      for (const way of ["../secret.nii.gz", "./imagesTr/../../secret.nii.gz", "/etc/secret.nii.gz", "C:/secret.nii.gz"]) {
        const description = JSON.parse(text) as { training: Record<string, string>[] };
        description.training[1]![field] = way;
        await writeFile(path, JSON.stringify(description));
        await refused("msd", {}, JSON.stringify(way));
        await refused("msd", { badFiles: "skip" }, JSON.stringify(way));
      }
    }
    await writeFile(path, text);
  });

  it("in the headers of volumes", async () => {
    root = join(folder, "detached");
    for (const name of ["images", "masks"]) await mkdir(join(root, name), { recursive: true });
    await writeFile(join(folder, "secret.raw"), Buffer.alloc(8, 1));
    await writeFile(join(root, "hidiff-dataset.yaml"), "classes: [organ]\n");
    const meta = (data: string): string => `ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = ${data}\n`;
    const nrrd = (data: string): string => `NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: ${data}\n`;
    for (const [ending, header] of [["mhd", meta], ["nhdr", nrrd]] as const) {
      for (const data of ["../../secret.raw", join(folder, "secret.raw"), "..\\..\\secret.raw", "link.raw"]) {
        for (const name of ["images", "masks"]) {
          await rm(join(root, name), { recursive: true });
          await mkdir(join(root, name));
          for (const id of ["a", "b"]) {
            await writeFile(join(root, name, `${id}.${ending}`), header(`${id}.raw`));
            await writeFile(join(root, name, `${id}.raw`), Uint8Array.of(0, 1, 0, 1, 0, 0, 0, 1));
          }
        }
        await symlink(join(folder, "secret.raw"), join(root, "masks", "link.raw"));
        await writeFile(join(root, "masks", `b.${ending}`), header(data));
        const { dataset, inspection } = await inspect("folder", root);
        expect(inspection?.unreadable.map(({ id }) => id)).toEqual(["b"]);
        expect(inspection?.facts.map(({ id }) => id)).toEqual(["a"]);
        expectClear(inspection!.unreadable[0]!.reason, join(root, "masks", `b.${ending}`));
        await expect(dataset!.load("b")).rejects.toMatchObject({ code: "datasets.path" });
      }
    }
  });
});

describe("one bad file among a thousand", () => {
  let root = "";
  const torn = "image-0500";
  beforeAll(async () => {
    root = join(folder, "thousand");
    for (const name of ["images", "masks"]) await mkdir(join(root, name), { recursive: true });
    const mask = await sharp(Uint8Array.of(0, 255, 0, 0), { raw: { width: 2, height: 2, channels: 1 } }).toColourspace("b-w").png().toBuffer();
    for (let index = 0; index < 1000; index++) {
      const name = `image-${String(index).padStart(4, "0")}.png`;
      const pixels = Uint8Array.from({ length: 12 }, (_, i) => (index * (i + 1)) % 251);
      await writeFile(join(root, "images", name), await sharp(pixels, { raw: { width: 2, height: 2, channels: 3 } }).png().toBuffer());
      await writeFile(join(root, "masks", name), mask);
    }
    const path = join(root, "images", `${torn}.png`);
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 30));
  });

  it("is reported by an inspection, which reads all others", async () => {
    const { dataset, inspection } = await inspect("folder", root);
    expect(idsOf(dataset!)).toHaveLength(1000);
    expect(inspection?.facts).toHaveLength(999);
    expect(inspection?.unreadable).toEqual([{ id: torn, reason: expect.stringContaining(join(root, "images", `${torn}.png`)) }]);
  });

  it("is skipped by tryLoad if the user says so, and ends the run if not", async () => {
    const dataset = await openDataset({ name: "folder", root });
    const bad: string[] = [];
    let good = 0;
    for (const id of idsOf(dataset)) if ((await tryLoad(dataset, id, "skip", ({ id: found, error }) => bad.push(`${found}: ${error.code}`))) !== undefined) good++;
    expect([good, bad]).toEqual([999, [`${torn}: datasets.image`]]);
    await expect(tryLoad(dataset, torn, "error")).rejects.toMatchObject({ code: "datasets.image" });
  });

  it("is left out of the samples for training if the user says so", async () => {
    const dataset = await openDataset({ name: "folder", root });
    const bad: string[] = [];
    const samples = await prepareSamples(dataset, { badCases: "skip", onBadCase: (id, error) => bad.push(`${id}: ${error.message}`) });
    expect(bad).toEqual([expect.stringMatching(/^image-0500: .*images\/image-0500\.png" .*Copy or download/)]);
    const ids = Object.values(samples.splits).flat();
    expect(ids).toHaveLength(999);
    expect(ids).not.toContain(torn);
    expect((await samples.load(ids[7]!)).image).toHaveLength(12);
  });

  it("is told apart from the others where a slice is missing from the middle of a patient", async () => {
    const patient = join(folder, "sparse");
    await writeSynthetic("synapse", patient, { size: 32, depth: 5, count: { train: 2, test: 1 } });
    await rm(join(patient, "lists_Synapse"), { recursive: true });
    await rm(join(patient, "train_npz", "case0006_slice002.npz"));
    const { refusal } = await inspect("synapse", patient);
    expect(refusal).toMatchObject({ code: "datasets.layout", message: expect.stringMatching(/lacks 1 slices of "case0006" between 0 and 4: number 2\. Restore/) });
  });
});

describe("unmatched: skip", () => {
  it("goes on without images that lack a mask, also where a list names them", async () => {
    const root = join(folder, "unmatched");
    await writeSynthetic("folder", root, { size: 32, count: { train: 3 } });
    await rm(join(root, "masks", "colon-002.png"));
    expect((await inspect("folder", root)).refusal).toMatchObject({ code: "datasets.layout", message: expect.stringMatching(/"unmatched" to "skip"/) });
    const { dataset, inspection } = await inspect("folder", root, { unmatched: "skip" });
    expect(inspection?.facts.map(({ id }) => id)).toEqual(["colon-001", "colon-003"]);
    expect(dataset!.notes).toEqual([expect.stringContaining("images/colon-002.png"), expect.stringMatching(/1 of the 3 lines of "train.txt" name no case \(colon-002\)/)]);
  });
});

describe("badFiles: skip", () => {
  it.each(["synapse-raw", "brats2021", "msd"] as const)("%s goes on without a case whose header is damaged or links elsewhere, with a note", async (kind) => {
    const root = join(folder, kind);
    const { files, id } = layouts.find((layout) => layout.kind === kind)!;
    const file = join(root, files[0]![0].replaceAll("*", id));
    const backup = await readFile(file);
    for (const name of ["empty", "a link to itself", "a link to a sound file outside of the data set", "missing"]) {
      await damages.find((damage) => damage.name === name)!.apply(file, await mkdtemp(join(folder, "elsewhere-")));
      const { dataset, inspection, refusal } = await inspect(kind, root, { badFiles: "skip" });
      if (kind === "synapse-raw" && name === "missing") expect(idsOf(dataset!)).not.toContain(id);
      else {
        expect(refusal).toBeUndefined();
        expect(dataset!.notes!.filter((note) => note.startsWith(`The case "${id}" is left out: `))).toHaveLength(1);
        expect(inspection!.unreadable).toEqual([]);
        expect(inspection!.facts.length).toBeGreaterThan(0);
      }
      await rm(file, { force: true });
      await writeFile(file, backup);
    }
  });
});
