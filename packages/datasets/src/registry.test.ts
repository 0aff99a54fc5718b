import { describe, expect, it } from "vitest";
import { openDataset } from "./datasets.ts";
import { datasetRegistry as nodeRegistry, openDataset as openNodeDataset } from "./node-datasets.ts";
import { DatasetRegistry } from "./registry.ts";
import { syntheticFundus } from "./synthetic/synthetic-fundus.ts";

const spec = { name: "synthetic-fundus", count: { train: 1, validation: 0, test: 0 }, size: 32, seed: 1 };

describe("data sets by name", () => {
  it("open with their options", async () => {
    expect((await openDataset(spec)).splits.train).toEqual(["train-0"]);
    expect((await openNodeDataset(spec)).name).toBe("synthetic-fundus");
    expect(nodeRegistry.names).toEqual(
      expect.arrayContaining(["synthetic-fundus", "drive", "chase-db1", "kvasir-seg", "cvc-clinicdb", "synapse", "brats2021", "msd", "folder"]),
    );
  });

  it("ask back for unknown names and options", async () => {
    await expect(openNodeDataset({ name: "DRIVES", root: "x" })).rejects.toThrow(/no data set "DRIVES"\. Did you mean "drive"\?/);
    await expect(openDataset({ name: "kidneys" })).rejects.toThrow(/no data set "kidneys"\. Known: synthetic-fundus\./);
    await expect(openDataset({ ...spec, sizes: 3 })).rejects.toThrow(/no option "sizes"\. Did you mean "size"\?/);
    await expect(openDataset({ name: "synthetic-fundus", size: 64, seed: 1 })).rejects.toThrow(/count\.train must be/);
    await expect(openNodeDataset({ name: "drive" })).rejects.toThrow(/"drive" needs the option "root"/);
    await expect(openNodeDataset({ name: "folder", root: "x", mask: "y" })).rejects.toThrow(/no option "mask"\. Did you mean "masks"\?/);
  });

  it("hand their options on", async () => {
    await expect(openNodeDataset({ name: "drive", root: "absent", observer: 3 })).rejects.toThrow(/observer must be 1 or 2, got 3/);
    await expect(openNodeDataset({ name: "folder", root: "absent", unmatched: "skipp" })).rejects.toThrow(/unmatched: "skipp" is not one of error, skip/);
    await expect(openNodeDataset({ name: "chase-db1", root: "absent" })).rejects.toMatchObject({ code: "datasets.layout" });
  });

  it("can be added to, once per name", async () => {
    const registry = new DatasetRegistry();
    const entry = { options: ["seed"], open: () => syntheticFundus({ count: { train: 2, validation: 0, test: 0 }, size: 32, seed: 1 }) };
    registry.register("mine", entry);
    expect((await registry.open({ name: "mine", seed: 4 })).splits.train).toHaveLength(2);
    expect(() => registry.register("mine", entry)).toThrow(/already a data set "mine"/);
  });
});
