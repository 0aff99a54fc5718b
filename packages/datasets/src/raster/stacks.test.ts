import { describe, expect, it } from "vitest";
import { imageExtensions, isImagePath } from "./image-paths.ts";
import { imageStack, labelStack } from "./stacks.ts";

describe("imageStack and labelStack", () => {
  it("are stacks of one slice in the file's units; slices belong to the caller", () => {
    const image = { width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 255) };
    const stack = imageStack(image);
    expect(stack).toMatchObject({ depth: 1, height: 1, width: 2, channels: 3, spacing: [1, 1, 1], range: [0, 255], outside: [0, 0, 0] });
    stack.slice(0).fill(9);
    expect(stack.slice(0)).toEqual(Float32Array.of(1, 2, 3, 4, 5, 255));

    const labels = labelStack({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 7) });
    expect(labels).toMatchObject({ depth: 1, height: 1, width: 2 });
    labels.slice(0).fill(9);
    expect(labels.slice(0)).toEqual(Uint8Array.of(0, 7));
  });

  it("take the range from the stored type", () => {
    expect(imageStack({ width: 1, height: 1, channels: 1, data: Uint16Array.of(3) }).range).toEqual([0, 65535]);
    expect(imageStack({ width: 1, height: 1, channels: 1, data: Float32Array.of(0.5) }).range).toEqual([0, 1]);
  });

  it("refuse other slices and lengths", () => {
    const image = { width: 2, height: 1, channels: 1 as const, data: Uint8Array.of(1, 2) };
    for (const index of [1, -1, 0.5, NaN]) {
      expect(() => imageStack(image).slice(index)).toThrow(expect.objectContaining({ code: "datasets.slice" }));
      expect(() => labelStack(image).slice(index)).toThrow(expect.objectContaining({ code: "datasets.slice" }));
    }
    expect(() => imageStack({ ...image, width: 3 })).toThrow(expect.objectContaining({ code: "datasets.size" }));
    expect(() => labelStack({ ...image, height: 3 })).toThrow(expect.objectContaining({ code: "datasets.size" }));
  });
});

it("isImagePath goes by the extension", () => {
  for (const extension of imageExtensions) expect(isImagePath(`a.b/Ünï${extension.toUpperCase()}`)).toBe(true);
  for (const path of ["a.nii.gz", "png", ".png", "a.png/b", "folder.png/.png", "a.txt", ""]) expect(isImagePath(path), path).toBe(false);
});
