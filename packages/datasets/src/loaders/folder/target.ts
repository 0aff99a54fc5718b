import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { checkInside } from "../../files/inside.ts";
import { readImage } from "../../raster/read-image.ts";
import { readLabels } from "../../raster/read-labels.ts";
import { type RasterMask, readMask } from "../../raster/read-mask.ts";
import type { RasterImage } from "../../types.ts";
import { readVolume } from "../../volumes/read-volume.ts";
import type { FolderCase } from "./cases.ts";
import type { FolderDescription } from "./description.ts";
import { distinctValues } from "../volume-cases/label-values.ts";

/** What the masks of a folder hold. */
export interface FolderTarget {
  /** One name for a binary task, else one a class, the background first. */
  readonly classNames: readonly string[];
  /** Value in the file → class. Every value must be among them. */
  readonly values: ReadonlyMap<number, number>;
  /** Instead of values, for one class in image files: reads a mask by a threshold. */
  readonly readTarget?: (path: string) => Promise<RasterMask>;
}

/**
 * The classes of a folder: as described, else found in its masks. An image mask of 0 and 1, or of 0 and its type's largest
 * value, is one class, and so is a JPEG mask, above half of the range. All masks of volumes are read, to see which values
 * there are: describe `classes` to spare that.
 *
 * @throws `datasets.description` for contradictory fields, `datasets.labels` where the masks do not tell
 */
export async function targetOf(
  root: string,
  cases: readonly FolderCase[],
  kind: "image" | "volume",
  description: FolderDescription,
): Promise<FolderTarget> {
  const { classes, threshold } = description;
  if (threshold !== undefined) {
    const names = classes === undefined ? ["foreground"] : Array.isArray(classes) ? (classes as string[]) : Object.keys(classes);
    if (kind === "volume" || names.length !== 1 || (classes !== undefined && !Array.isArray(classes))) {
      throw new HidiffError(
        "datasets.description",
        "openFolderDataset: threshold is for image masks of one class, which classes may name, such as [polyp]. Give the values of the pixels in " +
          "classes instead, such as { tumour: 1, oedema: 2 }.",
      );
    }
    return { classNames: names, values: new Map(), readTarget: (path) => readMask(path, { threshold }) };
  }
  if (classes !== undefined) return describedTarget(classes);
  return kind === "volume" ? scanVolumes(root, cases, description.badFiles) : inspectImages(root, cases);
}

function describedTarget(classes: NonNullable<FolderDescription["classes"]>): FolderTarget {
  const entries: (readonly [string, readonly number[]])[] = Array.isArray(classes)
    ? valuesOfNames(classes as string[])
    : Object.entries(classes as Readonly<Record<string, number | readonly number[]>>).map(([name, value]) => [
        name,
        typeof value === "number" ? [value] : value,
      ]);
  const background = entries.find(([, values]) => values.includes(0));
  const foreground = entries.filter((entry) => entry !== background);
  const values = new Map<number, number>([[0, 0]]);
  for (const value of background?.[1] ?? []) values.set(value, 0);
  for (const [index, [name, own]] of foreground.entries()) {
    for (const value of own) {
      if (values.has(value)) {
        throw new HidiffError("datasets.description", `openFolderDataset: classes gives the value ${value} to "${name}" and to another class.`);
      }
      values.set(value, index + 1);
    }
  }
  if (new Set(entries.map(([name]) => name)).size < entries.length || foreground.length === 0 || foreground.length > 255) {
    throw new HidiffError(
      "datasets.description",
      `openFolderDataset: classes must have 1 to 255 classes besides the background (0), each with its own name; got ${JSON.stringify(classes)}.`,
    );
  }
  return { classNames: namesOf(foreground.map(([name]) => name), background?.[0]), values };
}

/** Names stand for the values 1, 2, …, or for 0, 1, … where the background comes first. */
function valuesOfNames(names: readonly string[]): (readonly [string, readonly number[]])[] {
  const isBackground = (name: string): boolean => name.toLowerCase() === "background";
  if (names.slice(1).some(isBackground)) {
    throw new HidiffError(
      "datasets.description",
      `openFolderDataset: classes ${JSON.stringify(names)} must name the background first (it is 0), or leave it out. To give other values, ` +
        `write { background: 0, ${names.find((name) => !isBackground(name)) ?? "polyp"}: 255 }.`,
    );
  }
  const first = isBackground(names[0]!) ? 0 : 1;
  return names.map((name, index) => [name, [index + first]] as const);
}

function namesOf(foreground: readonly string[], background: string = "background"): readonly string[] {
  return foreground.length === 1 ? foreground : [background, ...foreground];
}

/** The first mask that can be read and is not empty tells; the others are held to it when they are loaded. */
async function inspectImages(root: string, cases: readonly FolderCase[]): Promise<FolderTarget> {
  const failures: unknown[] = [];
  for (const { mask } of cases) {
    const data = await storedValues(root, mask).catch((error: unknown) => {
      if (!isHidiffError(error)) throw error;
      failures.push(error);
      return new Uint8Array(0);
    });
    const found = distinctValues(data).filter((value) => value !== 0);
    if (found.length === 0) continue;
    const largest = data instanceof Uint16Array ? 65535 : 255;
    if (/\.jpe?g$/i.test(mask)) return { classNames: ["foreground"], values: new Map(), readTarget: readMask };
    if (found.length === 1 && (found[0] === 1 || found[0] === largest)) {
      return { classNames: ["foreground"], values: new Map([[0, 0], [found[0], 1]]) };
    }
    throw new HidiffError(
      "datasets.labels",
      `openFolderDataset: the mask "${mask}" holds the values ${list(found)} besides 0, which do not tell its classes. ` +
        `Describe them in hidiff-dataset.yaml: "classes: { polyp: 255 }", or "classes: [first, second]" for the values 1 and 2, ` +
        `or "threshold: ${Math.floor(largest / 2)}" for one class with soft edges.`,
    );
  }
  if (failures.length > 0) throw failures[0];
  throw new HidiffError(
    "datasets.labels",
    `openFolderDataset: all ${cases.length} masks are empty, so that their classes cannot be told. Describe them: "classes: { polyp: 255 }".`,
  );
}

/** As labels are read later, not scaled: 1 where a PNG has one bit. Numbers that need more than a byte are read as an image. */
async function storedValues(root: string, mask: string): Promise<RasterImage["data"]> {
  checkInside(root, mask);
  try {
    return (await readLabels(mask)).data;
  } catch (error) {
    if (!isHidiffError(error) || error.code !== "datasets.labels") throw error;
    return (await readImage(mask)).data;
  }
}

async function scanVolumes(root: string, cases: readonly FolderCase[], badFiles: FolderDescription["badFiles"]): Promise<FolderTarget> {
  const found = new Map<number, string>();
  // One after the other, so that one volume at a time is in memory.
  for (const { mask } of cases) {
    try {
      checkInside(root, mask);
      const volume = await readVolume(mask);
      for (const value of distinctValues(volume.data, volume.slope, volume.intercept)) if (!found.has(value)) found.set(value, mask);
    } catch (error) {
      if (badFiles !== "skip" || !isHidiffError(error)) throw error;
      // Reported when the case is looked at or loaded.
    }
  }
  const values = [...found.keys()].filter((value) => value !== 0).sort((a, b) => a - b);
  const wrong = values.find((value) => !Number.isInteger(value) || value < 0 || value > 255);
  if (wrong !== undefined || values.length === 0 || values.length > 64) {
    throw new HidiffError(
      "datasets.labels",
      `openFolderDataset: the masks hold ${values.length === 0 ? "no value" : `the values ${list(values)}`} besides 0` +
        `${wrong === undefined ? "" : ` (${wrong} in "${found.get(wrong)!}")`}, which does not tell their classes; expected some of 1 to 255. ` +
        `Describe them in hidiff-dataset.yaml: "classes: { liver: 1, tumour: 2 }".`,
    );
  }
  const names = values.length === 1 ? ["foreground"] : values.map((value) => `class ${value}`);
  return { classNames: namesOf(names), values: new Map([0, ...values].map((value, index) => [value, index])) };
}

function list(values: readonly number[]): string {
  return values.slice(0, 8).join(", ") + (values.length > 8 ? ", …" : "");
}
