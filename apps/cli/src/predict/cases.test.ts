import { describe, expect, it } from "vitest";
import { groupCases, type ModelChannels, uniqueNames } from "./cases.ts";

const brain: ModelChannels = { count: 4, channelNames: ["t1", "t1ce", "t2", "flair"] };

/** What is made of files that lie in a folder. */
function group(paths: readonly string[], channels: ModelChannels, listed = true) {
  return groupCases(paths.map((path) => ({ path, listed })), channels, new Set(paths.filter((path) => path.includes(".nii"))));
}

describe("groupCases", () => {
  it("takes each file by itself for models of one channel or of photographs", () => {
    expect(group(["x/a_0000.nii.gz", "b.png"], { count: 1 })).toEqual([
      { paths: ["x/a_0000.nii.gz"], name: "a_0000" },
      { paths: ["b.png"], name: "b" },
    ]);
    expect(group(["IMG_0000.jpg", "IMG_0001.jpg"], { count: 3 }).map(({ name }) => name)).toEqual(["IMG_0000", "IMG_0001"]);
  });

  it("puts the channels of a case together by the names of the model's, in its order", () => {
    const files = ["b/one_flair.nii.gz", "b/one_T1.nii.gz", "b/one_t1ce.nii.gz", "b/one_t2.nii", "c/one-t1.nii.gz", "c/one-t1ce.nii.gz", "c/one-t2.nii.gz", "c/one-flair.nii.gz"];
    expect(group(files, brain)).toEqual([
      { paths: ["b/one_T1.nii.gz", "b/one_t1ce.nii.gz", "b/one_t2.nii", "b/one_flair.nii.gz"], name: "one" },
      { paths: ["c/one-t1.nii.gz", "c/one-t1ce.nii.gz", "c/one-t2.nii.gz", "c/one-flair.nii.gz"], name: "one-2" },
    ]);
  });

  it("takes numbers for names", () => {
    expect(group(["a_0001.nii.gz", "a_0000.nii.gz"], { count: 2 })).toEqual([{ paths: ["a_0000.nii.gz", "a_0001.nii.gz"], name: "a" }]);
    expect(group([0, 1, 2, 3].map((number) => `a_000${number}.nii.gz`), brain)[0]).toMatchObject({ name: "a" });
  });

  it("leaves out what else a folder holds of the case, unless it was named", () => {
    const files = [...[0, 1].map((number) => `a_000${number}.nii.gz`), "a_seg.nii.gz", "b.nii.gz"];
    expect(group(files, { count: 2 }).map(({ name }) => name)).toEqual(["a", "b"]);
    expect(group(files, { count: 2 }, false).map(({ name }) => name)).toEqual(["a", "a_seg", "b"]);
  });

  it("says which channel is missing, and which is there twice", () => {
    const [one] = group(["x/a_t1.nii.gz", "x/a_t2.nii.gz", "x/a_0003.nii.gz"], brain);
    expect(one!.problem).toBe('a in x has 3 of 4 channels: there is no a_t1ce or a_0001 (with the others\' extension) among the inputs.');
    const [two] = group(["a_t1.nii.gz", "a_t1.nii", "a_t1ce.nii", "a_t2.nii", "a_flair.nii"], brain);
    expect(two!.problem).toMatch(/a in \. has a channel twice: a_t1\.nii;/);
  });
});

it("uniqueNames keeps results apart", () => {
  expect(uniqueNames(["a", "a", "a", "a-2"])).toEqual(["a", "a-2", "a-3", "a-2-2"]);
  expect(uniqueNames(["Eye", "eye", "\u00e4", "a\u0308"])).toEqual(["Eye", "eye-2", "\u00e4", "a\u0308-2"]);
});
