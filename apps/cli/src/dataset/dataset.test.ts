import type { ImageStack } from "@hidiff/datasets";
import type { CaseFacts, DatasetInspection } from "@hidiff/datasets/node";
import { describe, expect, it } from "vitest";
import { displayPicture } from "../pictures/display.ts";
import type { Picture } from "../pictures/maps.ts";
import { drawOutlines } from "../pictures/outline.ts";
import { contactSheet } from "./contact-sheet.ts";
import { buildCheckPage } from "./page.ts";
import { countSizes, describeSizes, formatShare, formatSize, formatSpacing, summarizeClasses } from "./summary.ts";
import { thumbnail } from "./thumbnail.ts";

const fact: CaseFacts = {
  id: "a<b>",
  split: "train",
  group: "p1",
  depth: 3,
  height: 4,
  width: 5,
  spacing: [2.5, 0.75, 0.5],
  intensities: [{ minimum: -10, maximum: 20, mean: 5, standardDeviation: 2 }],
  classPixels: [50, 10, 0],
  bestSlice: 1,
  imageHash: "00",
  maskHash: "11",
};

const inspection: DatasetInspection = {
  dataset: "drawn",
  imageChannels: 1,
  classNames: ["background", "left", "right"],
  facts: [fact, { ...fact, id: "c", classPixels: [30, 0, 30] }],
  unreadable: [{ id: "t", reason: "t.png is torn" }],
  findings: [{ severity: "error", kind: "unreadable", message: "t.png is torn & cut", cases: ["t"] }],
};

describe("summaries", () => {
  it("name sizes and spacings along width, height and depth", () => {
    expect(formatSize(fact)).toBe("5×4×3");
    expect(formatSize({ ...fact, depth: 1 })).toBe("5×4");
    expect(formatSpacing(fact)).toBe("0.5×0.75×2.5 mm");
    const sizes = countSizes([fact, { ...fact, depth: 1 }, fact]);
    expect(sizes).toEqual([{ size: "5×4×3", count: 2 }, { size: "5×4", count: 1 }]);
    expect(describeSizes(sizes)).toBe("5×4×3 (2), 5×4 (1)");
    expect(describeSizes(sizes, 1)).toBe("2 sizes from 5×4 to 5×4×3, most often 5×4×3 (2)");
  });

  it("share pixels among classes", () => {
    const [background, left, right] = summarizeClasses(inspection);
    expect(background).toMatchObject({ cases: 2, fraction: 80 / 120 });
    expect(left).toMatchObject({ name: "left", cases: 1, fraction: 10 / 120, fractionPerCase: { minimum: 0, maximum: 10 / 60 } });
    expect(right).toMatchObject({ cases: 1, fraction: 30 / 120 });
    expect([0, 0.001234, 0.5].map(formatShare)).toEqual(["0.0 %", "0.12 %", "50.0 %"]);
  });
});

describe("pictures", () => {
  it("show photographs by their type's range and other images by their percentiles", () => {
    const size = { height: 1, width: 4 };
    const rgb = displayPicture(Float32Array.of(0, 128, 255, 255, 0, 0, 1, 2, 3, 4, 5, 6), { ...size, channels: 3, range: [0, 255], outside: [0, 0, 0] });
    expect([...rgb.data]).toEqual([0, 128, 255, 255, 0, 0, 1, 2, 3, 4, 5, 6]);
    const scan = displayPicture(Float32Array.of(-1000, 0, 100, 200), { ...size, channels: 1, outside: [-1000] });
    expect([0, 3, 6, 9].map((at) => scan.data[at])).toEqual([0, 213, 234, 255]);
  });

  it("outline classes", () => {
    const picture: Picture = { height: 5, width: 5, channels: 3, data: new Uint8Array(75) };
    drawOutlines(picture, Uint8Array.from({ length: 25 }, (_, i) => (i % 5 > 0 && i % 5 < 4 && i >= 5 && i < 20 ? 1 : 0)), () => [9, 9, 9]);
    const drawn = Array.from({ length: 25 }, (_, pixel) => (picture.data[pixel * 3] === 9 ? 1 : 0));
    expect(drawn.join("")).toBe("0000001110010100111000000");
  });

  it("keep their proportions as thumbnails, with the mask in place", async () => {
    const image: ImageStack = { depth: 1, height: 300, width: 600, channels: 1, spacing: [1, 1, 1], range: [0, 255], outside: [0], slice: () => new Float32Array(180000) };
    const labels = { depth: 1, height: 300, width: 600, slice: () => Uint8Array.from({ length: 180000 }, (_, i) => (i % 600 >= 300 ? 1 : 0)) };
    const small = await thumbnail({ image, labels }, 0, () => [255, 0, 0]);
    expect([small.width, small.height]).toEqual([240, 120]);
    const row = Array.from({ length: 240 }, (_, x) => small.data[(60 * 240 + x) * 3]!);
    expect(row.indexOf(255)).toBe(120);
  });

  it("stand side by side on a contact sheet", () => {
    const white = (width: number, height: number): Picture => ({ width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(255) });
    const sheet = contactSheet([white(10, 4), white(6, 8), white(10, 8)], 2);
    expect([sheet.width, sheet.height]).toEqual([2 * 16 + 6, 2 * 14 + 6]);
    expect(sheet.data.filter((value) => value === 255)).toHaveLength(3 * (40 + 48 + 80));
  });
});

it("the page escapes what comes from files and says everything", () => {
  const page = buildCheckPage({
    folder: "data/<x>",
    layout: "folder",
    inspection,
    splits: { train: ["a<b>", "c", "t"], validation: [], test: [] },
    pictures: [{ fact, width: 10, height: 10, source: "data:," }],
  });
  expect(page).toContain("t.png is torn &amp; cut");
  expect(page).toContain("data/&lt;x&gt;");
  expect(page).toContain("a&lt;b&gt;");
  expect(page).not.toContain("a<b>");
  expect(page).toContain("2 of 3");
  expect(page).toContain("slice 2");
});
