import { HidiffError } from "@hidiff/core-tensor/errors";
import { expect, it } from "vitest";
import { findReadable } from "./find-cases.ts";

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

it("leaves out the cases that cannot be read, in order, but no mistakes of the program", async () => {
  const find = async (id: string): Promise<string> => {
    if (id.startsWith("bad")) throw new HidiffError("datasets.volume", `${id}.nii is damaged.`);
    await later();
    return id.toUpperCase();
  };
  const { cases, notes } = await findReadable(["a", "bad1", "b", "bad2"], "skip", find);
  expect([...cases]).toEqual([["a", "A"], ["b", "B"]]);
  expect(notes).toEqual(['The case "bad1" is left out: bad1.nii is damaged.', 'The case "bad2" is left out: bad2.nii is damaged.']);
  await expect(findReadable(["a", "bad1"], "error", find)).rejects.toMatchObject({ code: "datasets.volume" });
  await expect(findReadable(["a"], "skip", () => Promise.reject(new TypeError("bug")))).rejects.toThrow("bug");
});
