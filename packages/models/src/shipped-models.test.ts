import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { modelPath, shippedModels } from "./shipped-models.ts";

const folder = mkdtempSync(join(tmpdir(), "hidiff-models-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("lists the folders by name, and nothing else", () => {
  for (const name of ["vessels", "polyps"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "README.md"), "");
  expect(shippedModels(folder)).toEqual([
    { name: "polyps", path: join(folder, "polyps") },
    { name: "vessels", path: join(folder, "vessels") },
  ]);
  expect(shippedModels(join(folder, "nowhere"))).toEqual([]);
});

it("modelPath finds one, or says which there are", () => {
  expect(modelPath("vessels", folder)).toBe(join(folder, "vessels"));
  expect(() => modelPath("vessel", folder)).toThrow(
    expect.objectContaining({ code: "model.unknown", message: 'There is no model "vessel". Did you mean "vessels"? Known: polyps, vessels.' }),
  );
});
