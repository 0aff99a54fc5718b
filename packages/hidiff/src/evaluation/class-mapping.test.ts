import type { SegmentationDataset } from "@hidiff/datasets";
import { describe, expect, it } from "vitest";
import { mapClasses } from "./class-mapping.ts";

function dataset(...classNames: string[]): SegmentationDataset {
  return {
    name: "theirs",
    imageChannels: 1,
    classes: classNames.length,
    classNames,
    splits: { train: [], validation: [], test: [] },
    preprocessing: [],
    depthOf: () => 1,
    load: () => Promise.reject(new Error("not loaded")),
  };
}

const organs = ["background", "liver", "spleen", "stomach"];

describe("mapClasses", () => {
  it("takes the same classes, in any order", () => {
    const mapping = mapClasses(4, dataset("background", "stomach", "Liver", "spleen"), { classNames: organs });
    expect(mapping.classes).toEqual([
      { label: 1, name: "liver" },
      { label: 2, name: "spleen" },
      { label: 3, name: "stomach" },
    ]);
    expect(Object.fromEntries(mapping.truth)).toEqual({ 0: 0, 1: 3, 2: 1, 3: 2 });
    expect(Object.fromEntries(mapping.prediction)).toEqual({ 0: 0, 1: 1, 2: 2, 3: 3 });
  });

  it("takes a data set's own names where the model has none", () => {
    expect(mapClasses(1, dataset("vessel"), {}).classes).toEqual([{ label: 1, name: "vessel" }]);
    expect(mapClasses(3, dataset("background", "a", "b"), {}).classes.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("takes a subset by name", () => {
    const mapping = mapClasses(4, dataset(...organs), { classNames: organs, classes: ["spleen"] });
    expect(mapping.classes).toEqual([{ label: 2, name: "spleen" }]);
    expect([mapping.truth.get(1), mapping.truth.get(2), mapping.prediction.get(2), mapping.prediction.get(3)]).toEqual([0, 2, 2, 0]);
  });

  it("joins and leaves out classes as a mapping says", () => {
    const mapping = mapClasses(4, dataset("background", "liver", "tumour", "kidney"), { classNames: organs, classMapping: { liver: "liver", tumour: "liver" } });
    expect(mapping.classes).toEqual([{ label: 1, name: "liver" }]);
    expect(Object.fromEntries(mapping.truth)).toEqual({ 0: 0, 1: 1, 2: 1, 3: 0 });
    expect(Object.fromEntries(mapping.prediction)).toEqual({ 0: 0, 1: 1, 2: 0, 3: 0 });
  });

  it.each([
    [dataset("background", "liver", "spleen"), {}, /classes \("liver", "spleen", "stomach"\) are not those of theirs \("liver", "spleen"\)/],
    [dataset("polyp"), {}, /are not those of theirs \("polyp"\)/],
    [dataset(...organs), { classes: ["splen"] }, /the model has no class "splen"\. Did you mean "spleen"\?/],
    [dataset("background", "a"), { classMapping: { b: "liver" } }, /theirs has no class "b"/],
    [dataset("background", "a"), { classMapping: {} }, /is empty/],
    [dataset("background", "a"), { classMapping: { a: "liver" }, classes: ["spleen"] }, /no class of theirs is mapped to "spleen"/],
  ])("refuses %#", (theirs, options, message) => {
    expect(() => mapClasses(4, theirs, { classNames: organs, ...options })).toThrow(expect.objectContaining({ code: "evaluate.classes", message: expect.stringMatching(message) }));
  });

  it("refuses other numbers of classes where nobody named them", () => {
    expect(() => mapClasses(4, dataset("vessel"), {})).toThrow(/the model has 4 class\(es\) and theirs has 1/);
  });
});
