import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SyntheticKind, writeSynthetic } from "@hidiff/datasets/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkConfiguration } from "./check-node.ts";
import { suggestConfiguration } from "./suggest-node.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "hidiff-suggest-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("suggestConfiguration", () => {
  it.each([
    ["drive", "drive-small", "drive", false],
    ["chase-db1", "drive-small", "chase-db1", false],
    ["kvasir-seg", "kvasir-small", "kvasir-seg", false],
    ["cvc-clinicdb", "kvasir-small", "cvc-clinicdb", false],
    ["folder", "folder-small", "folder", false],
    ["msd", "hippocampus-small", "msd", true],
    ["brats2021", "folder-volumes-small", "brats2021", true],
  ] as const)("for drawn %s", async (kind, preset, name, volumes) => {
    const folder = join(root, kind);
    await writeSynthetic(kind as SyntheticKind, folder);
    const suggestion = await suggestConfiguration(folder);
    expect(suggestion).toMatchObject({ preset, volumes, configuration: { dataset: { name, root: folder } } });
    expect(suggestion.splits.train).toBeGreaterThan(0);
    expect(await checkConfiguration(suggestion.configuration)).toEqual([]);
  });

  it("takes options of the data set", async () => {
    const folder = join(root, "options");
    await writeSynthetic("folder", folder);
    const { configuration, splits } = await suggestConfiguration(folder, { split: { validation: 0, test: 0 } });
    expect(splits.validation + splits.test).toBe(0);
    expect(configuration.dataset["split"]).toEqual({ validation: 0, test: 0 });
  });

  it("says what to do about other layouts", async () => {
    const folder = join(root, "empty");
    await mkdir(folder);
    await expect(suggestConfiguration(folder)).rejects.toThrow(/layout of no known data set\. It is empty/);
  });
});
