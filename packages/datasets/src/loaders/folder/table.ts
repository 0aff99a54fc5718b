import { join } from "node:path";
import { parse as parseCsv } from "csv-parse/sync";
import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { exists } from "@hidiff/core-tensor/files-node";
import { joinInside, resolveInside } from "../../files/inside.ts";
import { mapBounded } from "../../files/map-bounded.ts";
import { readWholeFile } from "../../files/read-file.ts";
import { firstFew } from "../../splits/check.ts";
import { type FolderCase, pathStem, settle, stem } from "./cases.ts";
import type { FolderDescription, FolderPair } from "./description.ts";

/** How many files are looked up at a time. */
const concurrency = 16;

/**
 * The pairs of a CSV file. Its first line names the columns: `image` (or one a channel) and `mask`, and where wanted `id`,
 * `split`, `group`, `fieldOfView`; others are ignored. Fields are separated by commas, or by semicolons or tabs where the
 * first line has no comma.
 *
 * @throws `datasets.table` for a broken table or missing columns, `file.read`, `datasets.path`
 */
export async function readTable(root: string, description: FolderDescription): Promise<FolderPair[]> {
  const path = resolveInside(root, description.table!);
  const content = (await readWholeFile(path)).toString("utf8");
  const rows = parseRows(content, path);
  const columns = Object.keys(rows[0] ?? {});
  const images = description.channels === undefined ? ["image"] : Object.values(description.channels);
  const optional = ["id", "split", "group", "fieldOfView"];
  for (const column of [...images, "mask"]) {
    if (columns.includes(column)) continue;
    throw new HidiffError(
      "datasets.table",
      `openFolderDataset: "${path}" has no column "${column}".${didYouMean(column, columns)} Its columns are ${columns.join(", ") || "none"}; ` +
        `the first line must name ${[...images, "mask"].join(", ")}, and may name ${optional.join(", ")}.`,
    );
  }
  for (const column of columns) {
    const hint = [...images, "mask", ...optional].includes(column) ? "" : didYouMean(column, optional.filter((name) => !columns.includes(name)));
    if (hint !== "") {
      throw new HidiffError("datasets.table", `openFolderDataset: the column "${column}" of "${path}" is none that is known.${hint} Rename the column.`);
    }
  }
  return rows.map((row, index) => {
    const cell = (column: string): string | undefined => (row[column] === undefined || row[column] === "" ? undefined : row[column]);
    const needed = (column: string): string => {
      const value = cell(column);
      if (value !== undefined) return value;
      throw new HidiffError("datasets.table", `openFolderDataset: row ${index + 2} of "${path}" has nothing in the column "${column}".`);
    };
    if (columns.includes("split")) needed("split");
    return {
      image:
        description.channels === undefined
          ? needed("image")
          : Object.fromEntries(Object.entries(description.channels).map(([channel, column]) => [channel, needed(column)])),
      mask: needed("mask"),
      id: cell("id"),
      split: cell("split"),
      group: cell("group"),
      fieldOfView: cell("fieldOfView"),
    };
  });
}

function parseRows(content: string, path: string): Record<string, string>[] {
  const head = content.slice(0, content.search(/[\r\n]|$/));
  const delimiter = head.includes(",") ? "," : head.includes(";") ? ";" : head.includes("\t") ? "\t" : ",";
  let rows: Record<string, string>[];
  try {
    rows = parseCsv(content, { bom: true, columns: true, delimiter, skip_empty_lines: true, trim: true }) as Record<string, string>[];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new HidiffError("datasets.table", `openFolderDataset: "${path}" is no complete CSV table: ${reason}. Correct that line.`, { cause: error });
  }
  if (rows.length > 0) return rows;
  throw new HidiffError("datasets.table", `openFolderDataset: the table "${path}" has no rows below a line that names its columns, such as "image,mask".`);
}

/**
 * The cases of pairs of paths, in their order. Without an id, a case is called by its first image's name without extension,
 * or, where names occur twice, by its whole path without extension.
 *
 * @throws `datasets.layout` for missing files (unless `unmatched` is `skip`) and ids that occur twice, `datasets.path` for
 * paths outside of `root`, `datasets.description` for pairs that do not all name the same channels
 */
export async function casesOfPairs(
  root: string,
  pairs: readonly FolderPair[],
  description: FolderDescription,
  onNote: (note: string) => void,
): Promise<FolderCase[]> {
  const channels = channelsOf(pairs);
  const images = pairs.map(({ image }) => (typeof image === "string" ? [image] : (channels ?? []).map((channel) => image[channel]!)));
  const names = images.map((paths) => stem(paths[0]!));
  const whole = new Set(names).size < names.length;
  const cases = pairs.map((pair, index): FolderCase => {
    const first = images[index]![0]!;
    return {
      id: pair.id ?? (whole ? pathStem(first) : names[index]!),
      images: images[index]!.map((path) => joinInside(root, path)),
      mask: joinInside(root, pair.mask),
      ...(pair.fieldOfView === undefined ? {} : { fieldOfView: joinInside(root, pair.fieldOfView) }),
      ...(pair.split === undefined ? {} : { split: pair.split }),
      ...(pair.group === undefined ? {} : { group: pair.group }),
    };
  });
  const seen = new Set<string>();
  for (const { id } of cases) {
    if (seen.has(id)) {
      throw new HidiffError("datasets.layout", `openFolderDataset: two of the pairs have the id "${id}". Give each its own by a column or field "id".`);
    }
    seen.add(id);
  }
  const missing = await mapBounded(cases, concurrency, async ({ images, mask, fieldOfView }) => {
    const absent: string[] = [];
    for (const path of [...images, mask, ...(fieldOfView === undefined ? [] : [fieldOfView])]) {
      if (!(await exists(path))) absent.push(path);
    }
    return absent;
  });
  const complete = cases.filter((_, index) => missing[index]!.length === 0);
  const absent = missing.flat();
  const what = description.table === undefined ? "the pairs name" : `the table "${join(root, description.table)}" names`;
  const amount = absent.length === 1 ? "1 file that is" : `${absent.length} files that are`;
  const problems = absent.length === 0 ? [] : [`${what} ${amount} not there (${firstFew(absent.map((path) => `"${path}"`))})`];
  settle(root, problems, complete.length, description, onNote);
  return complete;
}

/** The channels that the pairs name, if they do. */
export function channelsOf(pairs: readonly FolderPair[]): string[] | undefined {
  const named = (pair: FolderPair | undefined): string[] | undefined =>
    pair === undefined || typeof pair.image === "string" ? undefined : Object.keys(pair.image);
  const channels = named(pairs[0]);
  for (const [index, pair] of pairs.entries()) {
    const own = named(pair);
    if (own?.length === channels?.length && (own ?? []).every((channel) => channels!.includes(channel)) && own?.length !== 0) continue;
    throw new HidiffError(
      "datasets.description",
      `openFolderDataset: all pairs must name the same channels: the first has ${channels?.join(", ") ?? "one image"}, number ${index + 1} ` +
        `has ${own?.join(", ") ?? "one image"}.`,
    );
  }
  return channels;
}
