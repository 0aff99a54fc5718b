import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resolveInside } from "./inside.ts";
import { readListFile } from "./list-file.ts";
import { listFolder } from "./list-folder.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-files-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("resolveInside", () => {
  let root = "";
  beforeAll(async () => {
    root = join(folder, "root");
    await mkdir(join(root, "images"), { recursive: true });
    await mkdir(join(folder, "root-beside"));
    await writeFile(join(root, "images", "größe 1.png"), "x");
    await writeFile(join(folder, "secret"), "x");
    await writeFile(join(folder, "root-beside", "a.png"), "x");
    await symlink(join(root, "images"), join(root, "inner"));
    await symlink(join(folder, "secret"), join(root, "out.png"));
    await symlink("..", join(root, "up"));
    await symlink(join(folder, "root-beside"), join(root, "beside"));
    await symlink(join(folder, "nowhere"), join(root, "dangling"));
    await symlink("circle", join(root, "circle"));
    await symlink(root, join(folder, "link"));
  });

  it("gives the paths of files within, whether they exist or not", () => {
    for (const path of ["images/größe 1.png", "./images", "images/absent/deep.png", "inner/größe 1.png", "..hidden", "a..b/c.png", "images//größe 1.png"]) {
      expect(resolveInside(root, path)).toBe(join(root, path));
    }
    expect(resolveInside(join(folder, "link"), "images/größe 1.png")).toBe(join(folder, "link", "images", "größe 1.png"));
    expect(resolveInside(`${root}/`, "images")).toBe(join(root, "images"));
  });

  it.each([
    ["../secret", '".."'],
    ["images/../../secret", '".."'],
    ["images\\..\\..\\secret", '".."'],
    ["images/..", '".."'],
    ["/etc/passwd", "absolute"],
    ["C:\\secret", "absolute"],
    ["C:secret", "absolute"],
    ["\\\\server\\share", "absolute"],
    ["", "no path"],
    ["a\0b", "no path"],
    ["out.png", "symbolic link"],
    ["up/secret", "symbolic link"],
    ["up/absent", "symbolic link"],
    ["beside/a.png", "symbolic link"],
    ["dangling", "ends nowhere"],
    ["dangling/a.png", "ends nowhere"],
    ["circle", "in a circle"],
  ])("refuses %j", (path, message) => {
    expect(() => resolveInside(root, path)).toThrow(expect.objectContaining({ code: "datasets.path", message: expect.stringContaining(message) }));
    expect(() => resolveInside(root, path)).toThrow(JSON.stringify(path));
    expect(() => resolveInside(`${folder}/./././././././root`, path)).toThrow(JSON.stringify(path));
  });

  it("names a root that does not exist", () => {
    expect(() => resolveInside(join(folder, "no-root"), "a.png")).toThrow(expect.objectContaining({ code: "file.read", message: expect.stringContaining("no-root") }));
  });
});

describe("readListFile", () => {
  const write = async (content: string | Uint8Array): Promise<string> => {
    const path = join(folder, "Liste ü.txt");
    await writeFile(path, content);
    return path;
  };

  it("trims names and leaves comments and empty lines out", async () => {
    expect(await readListFile(await write("\uFEFF# training\r\ncase0005_slice000 \r\n\r\n\tcase0006\n#x\ngröße\rlast"))).toEqual(["case0005_slice000", "case0006", "größe", "last"]);
    expect(await readListFile(await write(""))).toEqual([]);
  });

  it("names the lines of a name that comes twice", async () => {
    await expect(readListFile(await write("a\nb\n\n a\n"))).rejects.toMatchObject({ code: "datasets.list", message: expect.stringMatching(/Liste ü\.txt.*"a" in line 1 and again in line 4/) });
  });

  it("refuses what is no text", async () => {
    await expect(readListFile(await write(Buffer.from("a\nb", "utf16le")))).rejects.toMatchObject({ code: "datasets.list", message: expect.stringContaining("zero bytes") });
    await expect(readListFile(await write(Uint8Array.of(97, 0xff, 10)))).rejects.toMatchObject({ code: "datasets.list", message: expect.stringContaining("UTF-8") });
    await expect(readListFile(join(folder, "absent.txt"))).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining("absent.txt") });
    await expect(readListFile(folder)).rejects.toMatchObject({ code: "file.read" });
  });
});

describe("listFolder", () => {
  it("sorts the names and leaves hidden ones out", async () => {
    const path = join(folder, "Ordner ä");
    await mkdir(path);
    for (const name of ["b.png", "a10.png", "a2.png", "._a2.png", ".DS_Store", "__MACOSX"]) await writeFile(join(path, name), "");
    expect(await listFolder(path)).toEqual(["a10.png", "a2.png", "b.png"]);
  });

  it("says what was expected", async () => {
    await expect(listFolder(join(folder, "absent"), 'the folder "images" of Kvasir-SEG')).rejects.toMatchObject({
      code: "datasets.layout",
      message: expect.stringMatching(/absent" cannot be read: there is no such folder\. Expected the folder "images" of Kvasir-SEG/),
    });
    await writeFile(join(folder, "file"), "");
    await expect(listFolder(join(folder, "file"))).rejects.toMatchObject({ code: "datasets.layout", message: expect.stringContaining("it is a file") });
  });
});
