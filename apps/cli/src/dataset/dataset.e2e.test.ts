import { copyFile, mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readImage, writePng } from "@hidiff/datasets/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff, lastLine } from "../testing/command.ts";

// Spawns the command from its sources, on data sets that it draws itself.

let folder = "";
const inside = (...parts: string[]): string => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-dataset-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface CheckDocument {
  readonly layout: string;
  readonly cases: Record<string, number>;
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  readonly classes: readonly { readonly name: string; readonly cases: number }[];
  readonly findings: readonly { readonly severity: string; readonly kind: string; readonly cases: readonly string[]; readonly message: string }[];
}

const check = async (name: string): Promise<{ code: number | null; document: CheckDocument; page: string }> => {
  const outcome = await hidiff(["dataset", "check", inside(name), "--out", inside(`${name}.html`), "--json"]);
  return { code: outcome.code, document: JSON.parse(outcome.stdout) as CheckDocument, page: await readFile(inside(`${name}.html`), "utf8") };
};

describe("hidiff dataset", () => {
  it("draws a data set and finds nothing wrong with it", async () => {
    const drawn = await hidiff(["dataset", "synthesize", "brats2021", inside("brains"), "--size", "40", "--depth", "8", "--train", "6"]);
    expect(drawn.code).toBe(0);
    const { code, document, page } = await check("brains");
    expect(code).toBe(0);
    expect(document).toMatchObject({ layout: "brats2021", unreadable: [] });
    expect(document.classes.map(({ name }) => name)).toEqual(["background", "necrotic core", "oedema", "enhancing tumour"]);
    expect(document.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(page.match(/<img src="data:image\/jpeg/g)).toHaveLength(Object.values(document.cases).reduce((sum, count) => sum + count, 0));
  });

  it("names a torn file, an image that is there twice and a leak, and fails", async () => {
    await hidiff(["dataset", "synthesize", "kvasir-seg", inside("polyps")]);
    const lists = await Promise.all(["train.txt", "test.txt"].map(async (name) => (await readFile(inside("polyps", name), "utf8")).trim().split("\n")));
    const [[first, second], [tested]] = lists as [[string, string], [string]];
    const file = (kind: string, id: string): string => inside("polyps", kind, `${id}.jpg`);
    for (const kind of ["images", "masks"]) await copyFile(file(kind, first), file(kind, tested));
    await truncate(file("images", second), 600);
    const { code, document, page } = await check("polyps");
    expect(code).toBe(1);
    expect(document.unreadable.map(({ id }) => id)).toEqual([second]);
    expect(document.unreadable[0]!.reason).toContain(`${second}.jpg`);
    const leak = document.findings.find(({ kind }) => kind === "leak")!;
    expect(leak.severity).toBe("error");
    expect([...leak.cases].sort()).toEqual([first, tested].sort());
    expect(page).toContain("see findings");
  });

  it("asks what an unknown folder is, and which name was meant", async () => {
    const [unknown, misspelled, undrawn] = [
      await hidiff(["dataset", "check", folder]),
      await hidiff(["dataset", "check", inside("polyps"), "--dataset", "kvasir-sge"]),
      await hidiff(["dataset", "synthesize", "kvasir", inside("new")]),
    ];
    expect(unknown.code).toBe(1);
    expect(lastLine(unknown)).toMatch(/layout of no known data set\. It holds several data sets: "brains" \(brats2021\), "polyps" \(kvasir-seg\); give one of them/);
    expect(misspelled.code).toBe(2);
    expect(lastLine(misspelled)).toContain('Did you mean "kvasir-seg"?');
    expect(undrawn.code).toBe(2);
    expect(lastLine(undrawn)).toMatch(/kvasir-seg/);
  });

  it("tells statistics, with a table of every case", async () => {
    const { code, stdout } = await hidiff(["dataset", "stats", inside("brains"), "--csv", inside("cases.csv"), "--json"]);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as { channels: { channel: string; foreground: { median: number } }[]; classes: { objects: { count: number } }[]; cases: Record<string, number> };
    expect(document.channels.map(({ channel }) => channel)).toEqual(["t1", "t1ce", "t2", "flair"]);
    expect(document.channels.every(({ foreground }) => foreground.median > 0)).toBe(true);
    expect(document.classes[2]!.objects.count).toBeGreaterThan(0);
    const lines = (await readFile(inside("cases.csv"), "utf8")).trim().split("\n");
    expect(lines).toHaveLength(1 + Object.values(document.cases).reduce((sum, count) => sum + count, 0));
  });

  it.each([[[]], [["--prepared"]], [["--augmented", "--crop-size", "64"]]])("draws a preview with %j", async (flags) => {
    const out = inside("preview.png");
    await writePng(out, { width: 1, height: 1, channels: 1, data: new Uint8Array(1) });
    const { code, stdout } = await hidiff(["dataset", "preview", inside("brains"), "--count", "2", "--columns", "2", "--out", out, ...flags]);
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(3);
    const picture = await readImage(out);
    expect(picture.width).toBeGreaterThan(2 * picture.height * 0.8);
    expect(new Set(picture.data).size).toBeGreaterThan(20);
  });
});
