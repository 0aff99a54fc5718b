import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { evaluateMask, type MaskMetrics } from "./evaluate.ts";
import fixture from "./fixtures/metrics.json" with { type: "json" };
import type { Mask } from "./mask.ts";

interface Golden {
  readonly shape: readonly number[];
  readonly spacing: readonly number[] | null;
  readonly dice: number;
  readonly iou: number;
  readonly recall: number;
  readonly precision: number;
  readonly accuracy: number;
  readonly specificity: number;
  readonly hd95: number;
  readonly hd: number;
  readonly asd_pred_to_truth: number;
}

const goldens = process.env["HIDIFF_GOLDENS"] ?? fileURLToPath(new URL("../../../../shared/goldens", import.meta.url));
const fullFile = join(goldens, "metrics.json");

function unpack(bits: string, length: number): Uint8Array {
  const bytes = Uint8Array.from(atob(bits), (character) => character.charCodeAt(0));
  return Uint8Array.from({ length }, (_, index) => (bytes[index >> 3]! >> (index & 7)) & 1);
}

function expectGolden(prediction: Mask, truth: Mask, golden: Golden): void {
  const metrics = evaluateMask(prediction, truth, {
    surface: { shape: golden.shape, spacing: golden.spacing ?? undefined },
  });
  const expected: MaskMetrics = {
    dice: golden.dice,
    intersectionOverUnion: golden.iou,
    recall: golden.recall,
    precision: golden.precision,
    accuracy: golden.accuracy,
    specificity: golden.specificity,
    hausdorffDistance95: golden.hd95,
    hausdorffDistance: golden.hd,
    meanSurfaceDistance: golden.asd_pred_to_truth,
  };
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs(metrics[name as keyof MaskMetrics]! - value), name).toBeLessThan(1e-9);
  }
}

describe("reference values", () => {
  it.each(fixture.cases)("agree on the stored masks of shape $shape with spacing $spacing", (golden) => {
    const length = golden.shape.reduce((product, size) => product * size, 1);
    expectGolden(unpack(golden.pred, length), unpack(golden.truth, length), golden);
  });

  const present = existsSync(fullFile);
  it.skipIf(!present)(`agree on the full file${present ? "" : " (skipped: set HIDIFF_GOLDENS to its folder)"}`, () => {
    const cases = JSON.parse(readFileSync(fullFile, "utf8")) as (Golden & { pred: number[]; truth: number[] })[];
    expect(cases.length).toBeGreaterThan(0);
    for (const golden of cases) expectGolden(golden.pred, golden.truth, golden);
  });
});
