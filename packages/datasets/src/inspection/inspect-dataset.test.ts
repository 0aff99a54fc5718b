import { HidiffError } from "@hidiff/core-tensor/errors";
import { describe, expect, it } from "vitest";
import type { SegmentationCase, SegmentationDataset, SplitName } from "../types.ts";
import { inspectDataset } from "./inspect-dataset.ts";

interface Drawn {
  readonly split: SplitName;
  readonly group?: string;
  /** [depth, height, width] of one channel and of class numbers; a text is the reason why it cannot be read. */
  readonly image: number[][][] | string;
  readonly labels?: number[][][];
}

function datasetOf(cases: Readonly<Record<string, Drawn>>, classNames: readonly string[] = ["polyp"]): SegmentationDataset {
  const ids = (wanted: SplitName): string[] => Object.keys(cases).filter((id) => cases[id]!.split === wanted);
  return {
    name: "drawn",
    imageChannels: 1,
    classes: classNames.length,
    classNames,
    splits: { train: ids("train"), validation: ids("validation"), test: ids("test") },
    groups: new Map(Object.entries(cases).flatMap(([id, { group }]) => (group === undefined ? [] : [[id, group] as const]))),
    preprocessing: [],
    depthOf: () => 1,
    load: (id) => Promise.resolve().then(() => load(id, cases[id]!)),
  };
}

function load(id: string, { image, labels }: Drawn): SegmentationCase {
  if (typeof image === "string") throw new HidiffError("datasets.image", image);
  const [depth, height, width] = [image.length, image[0]!.length, image[0]![0]!.length];
  const marks = labels ?? image.map((slice) => slice.map((row) => row.map((value, column) => (column === 0 ? 1 : 0) * Math.sign(value + 1))));
  return {
    id,
    image: { depth, height, width, channels: 1, spacing: [1, 1, 1], outside: [0], slice: (index) => Float32Array.from(image[index]!.flat()) },
    labels: { depth, height, width, slice: (index) => Uint8Array.from(marks[index]!.flat()) },
  };
}

const kinds = async (cases: Readonly<Record<string, Drawn>>, names?: readonly string[]): Promise<string[]> =>
  (await inspectDataset(datasetOf(cases, names))).findings.map(({ severity, kind, cases: concerned }) => `${severity} ${kind} ${concerned.join()}`);

const [a, b, c] = [[[[1, 2]]], [[[3, 4]]], [[[5, 6]]]];
const sound: Readonly<Record<string, Drawn>> = { a: { split: "train", image: a }, b: { split: "validation", image: b }, c: { split: "test", image: c } };

describe("inspectDataset", () => {
  it("measures every case", async () => {
    const image = [
      [[1, 2], [3, 4]],
      [[5, 6], [7, 1000008]],
    ];
    const labels = [
      [[0, 1], [0, 0]],
      [[2, 2], [0, 1]],
    ];
    const { facts, classNames, findings } = await inspectDataset(datasetOf({ ...sound, volume: { split: "train", image, labels } }, ["background", "left", "right"]));
    expect(classNames).toEqual(["background", "left", "right"]);
    const values = image.flat(2);
    const mean = values.reduce((sum, value) => sum + value, 0) / 8;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 8);
    const volume = facts.find(({ id }) => id === "volume")!;
    expect(volume).toMatchObject({ split: "train", depth: 2, height: 2, width: 2, classPixels: [4, 2, 2], bestSlice: 1 });
    expect(volume.intensities[0]).toMatchObject({ minimum: 1, maximum: 1000008 });
    expect(volume.intensities[0]!.mean).toBeCloseTo(mean, 6);
    expect(volume.intensities[0]!.standardDeviation).toBeCloseTo(deviation, 4);
    expect(findings.map(({ kind }) => kind)).toEqual(["absent-class", "absent-class"]); // validation and test lack "right"
  });

  it("finds nothing in a sound data set", async () => {
    expect(await kinds(sound)).toEqual([]);
  });

  it("tells duplicates from leaks, by the pixels", async () => {
    expect(await kinds({ ...sound, again: { split: "train", image: a } })).toEqual(["warning duplicate a,again"]);
    expect(await kinds({ ...sound, again: { split: "test", image: a } })).toEqual(["error leak a,again"]);
    const conflict = await inspectDataset(datasetOf({ ...sound, again: { split: "train", image: a, labels: [[[0, 1]]] } }));
    expect(conflict.findings[0]!.message).toContain("Their masks differ.");
  });

  it("finds groups and ids in several splits", async () => {
    const patient = { a: { ...sound["a"]!, group: "p1" }, b: { ...sound["b"]!, group: "p1" }, c: { ...sound["c"]!, group: "p2" } };
    expect(await kinds(patient)).toEqual(["error leak a,b"]);
    const listed = { ...datasetOf(sound), splits: { train: ["a", "b"], validation: ["b"], test: ["c"] } };
    expect((await inspectDataset(listed)).findings[0]).toMatchObject({ severity: "error", kind: "leak", cases: ["b"] });
  });

  it("finds empty and full masks, absent classes, constant images and empty splits", async () => {
    expect(await kinds({ ...sound, empty: { split: "train", image: [[[8, 9]]], labels: [[[0, 0]]] } })).toEqual(["warning empty-mask empty"]);
    expect(await kinds({ ...sound, full: { split: "train", image: [[[8, 9]]], labels: [[[1, 1]]] } })).toEqual(["warning full-mask full"]);
    expect(await kinds({ ...sound, flat: { split: "train", image: [[[8, 8]]] } })).toEqual(["warning constant-image flat"]);
    expect(await kinds({ a: sound["a"]! })).toEqual(["warning empty-split ", "warning empty-split "]);
    expect(await kinds({ ...sound, a: { split: "train", image: a, labels: [[[0, 0]]] } })).toContain("error absent-class ");
  });

  it("passes on what the loader noted", async () => {
    const noted = { ...datasetOf(sound), notes: ["2 images have no mask and are left out."] };
    expect((await inspectDataset(noted)).findings).toEqual([{ severity: "warning", kind: "note", message: "2 images have no mask and are left out.", cases: [] }]);
  });

  it("reports what cannot be read and goes on", async () => {
    const seen: (string | undefined)[] = [];
    const report = await inspectDataset(datasetOf({ ...sound, torn: { split: "train", image: "torn.png is torn" } }), {
      onCase: (_done, _total, facts) => void seen.push(facts?.id),
    });
    expect(seen).toEqual(["a", undefined, "b", "c"]);
    expect(report.unreadable).toEqual([{ id: "torn", reason: "torn.png is torn" }]);
    expect(report.findings[0]).toMatchObject({ severity: "error", kind: "unreadable", cases: ["torn"] });
  });

  it("passes other errors on", async () => {
    const broken = { ...datasetOf(sound), load: () => Promise.reject(new TypeError("a mistake in code")) };
    await expect(inspectDataset(broken)).rejects.toThrow("a mistake in code");
  });
});
