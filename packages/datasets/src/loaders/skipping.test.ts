import { HidiffError } from "@hidiff/core-tensor/errors";
import { describe, expect, it } from "vitest";
import type { SegmentationCase } from "../types.ts";
import { type BadCase, skipBadCase, tryLoad } from "./skipping.ts";

const good = { id: "good" } as SegmentationCase;
const errors: Readonly<Record<string, Error>> = {
  damaged: new HidiffError("datasets.image", 'readImage: "x.png" is cut short.'),
  unreadable: new HidiffError("file.read", "x.png: permission denied"),
  torn: new HidiffError("npz.format", "x.npz: it has no zip directory at its end"),
  unknown: new HidiffError("datasets.id", "there is no such case"),
  bug: new TypeError("undefined is not a function"),
};
const dataset = {
  load: async (id: string): Promise<SegmentationCase> => {
    if (errors[id] !== undefined) throw errors[id];
    return good;
  },
};

describe("tryLoad", () => {
  it("goes on without cases whose files cannot be used, and reports them", async () => {
    const bad: BadCase[] = [];
    const loaded: (SegmentationCase | undefined)[] = [];
    for (const id of ["good", "damaged", "good", "unreadable", "torn"]) loaded.push(await tryLoad(dataset, id, "skip", (found) => bad.push(found)));
    expect(loaded).toEqual([good, undefined, good, undefined, undefined]);
    expect(bad).toEqual([{ id: "damaged", error: errors.damaged }, { id: "unreadable", error: errors.unreadable }, { id: "torn", error: errors.torn }]);
  });

  it("hides no error that is not about files, and none where the user did not ask for it", async () => {
    await expect(tryLoad(dataset, "damaged", "error")).rejects.toBe(errors.damaged);
    for (const id of ["unknown", "bug"]) await expect(tryLoad(dataset, id, "skip")).rejects.toBe(errors[id]);
    await expect(tryLoad(dataset, "good", "ignore" as "skip")).rejects.toThrow(/must be "error" or "skip", got "ignore"/);
  });

  it("serves any other work on a case", async () => {
    expect(await skipBadCase("a", "skip", () => 3)).toBe(3);
    expect(await skipBadCase("a", "skip", () => Promise.reject(errors.damaged!))).toBeUndefined();
  });
});
