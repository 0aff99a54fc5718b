import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CalibrationReport, CaseScores } from "hidiff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidiff } from "../testing/command.ts";
import { writeTinyBundle } from "../testing/tiny-bundle.ts";

describe("the report of hidiff evaluate", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "hidiff-report-"));
    await writeTinyBundle(join(folder, "bundle"), { imageChannels: 3 });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function evaluate(out: string, ...options: readonly string[]): ReturnType<typeof hidiff> {
    const data = ["--dataset", "synthetic-fundus", "--set", "size=32", "--set", "count={train: 1, validation: 1, test: 3}", "--map", "vessel=class 1"];
    return hidiff(["evaluate", "--model", join(folder, "bundle"), ...data, "--out", join(folder, out), ...options]);
  }

  it("shows what metrics.json holds, with pictures and the steps of each case", async () => {
    const { code, stdout } = await evaluate("all");
    expect(code).toBe(0);
    expect(stdout).toMatch(/: metrics\.csv, metrics\.json, report\.html\n/);
    const page = await readFile(join(folder, "all", "report.html"), "utf8");
    const { cases, calibration } = JSON.parse(await readFile(join(folder, "all", "metrics.json"), "utf8")) as { cases: CaseScores[]; calibration: CalibrationReport };
    expect(cases).toHaveLength(3);
    for (const { id, prior, refined } of cases) {
      const [, row = ""] = new RegExp(`<tr><th scope="row">${id}</th>(.*?)</tr>`).exec(page)!;
      for (const scores of [prior, refined]) for (const value of [scores.dice, scores.recall, scores.specificity]) expect(row).toContain(`<td>${value!.toFixed(4)}</td>`);
    }
    expect(page.match(/<img [^>]*alt="Image: /g)).toHaveLength(3);
    expect(page.match(/alt="Errors, refined: /g)).toHaveLength(3);
    expect(page.match(/aria-label="estimate at t = [01]"/g)).toHaveLength(3 * 2);
    expect(page).toContain(`refined ${calibration.refined.expectedCalibrationError!.toFixed(4)}`);
    expect(calibration.uncertainty!.reduce((sum, { count }) => sum + count, 0)).toBe(calibration.prior.bins.reduce((sum, { count }) => sum + count, 0));
    expect(page).toContain("hidiff evaluate --model ");
  });

  it("leaves out images, pictures, or itself", async () => {
    expect((await evaluate("masks", "--no-images", "--report-cases", "1")).code).toBe(0);
    const page = await readFile(join(folder, "masks", "report.html"), "utf8");
    expect(page).not.toContain('alt="Image: ');
    expect(page.match(/alt="Refined: /g)).toHaveLength(1);
    expect((await evaluate("none", "--no-report", "--no-surface")).code).toBe(0);
    expect((await readdir(join(folder, "none"))).sort()).toEqual(["manifest.json", "metrics.csv", "metrics.json"]);
    expect(JSON.parse(await readFile(join(folder, "none", "metrics.json"), "utf8"))).not.toHaveProperty("calibration");
  });
});
