import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { exists, fileError, writeFileAtomic } from "@hidiff/core-tensor/node";
import { formatJson } from "../files/json.ts";
import { makeFolder } from "../files/folder.ts";
import type { CaseResult } from "./result.ts";

/** In the folder of the results: a record a case, so that a restart knows what is done and what is its own. */
const recordFolder = ".hidiff";

/** What is known of a case's files. It is written before them, and again once they are complete. */
interface CaseRecord {
  readonly case: string;
  /** Of everything but the input that determines the files. */
  readonly settings: string;
  /** The SHA-256 of the input, and of its prior. */
  readonly checksums: readonly string[];
  /** The names of all files that this command ever wrote of the case. */
  readonly files: readonly string[];
  /** Absent until the case is done. */
  readonly result?: CaseResult;
}

/** The records of a folder of results, by case. */
export class Records {
  readonly #folder: string;
  readonly #records: Map<string, CaseRecord>;

  private constructor(folder: string, records: Map<string, CaseRecord>) {
    this.#folder = folder;
    this.#records = records;
  }

  /** Reads what is there. Throws HidiffError `file.read`. */
  static async read(folder: string): Promise<Records> {
    const inner = join(folder, recordFolder);
    const names = await readdir(inner).catch((error: unknown) => {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
      throw fileError("read", inner, error);
    });
    const records = new Map<string, CaseRecord>();
    for (const name of names.filter((file) => file.endsWith(".json"))) {
      const record = parseRecord(await readFile(join(inner, name), "utf8").catch(() => ""));
      if (record !== undefined) records.set(record.case, record);
    }
    return new Records(folder, records);
  }

  /** Makes the folder. Throws HidiffError `file.write`. */
  async open(): Promise<void> {
    await makeFolder(join(this.#folder, recordFolder));
  }

  get(name: string): CaseRecord | undefined {
    return this.#records.get(name);
  }

  /** The names of all files that are known to be this command's. */
  files(): Set<string> {
    return new Set([...this.#records.values()].flatMap(({ files }) => files));
  }

  /** Throws HidiffError `file.write`. */
  async write(record: CaseRecord): Promise<void> {
    await writeFileAtomic(join(this.#folder, recordFolder, `${record.case}.json`), formatJson(record));
    this.#records.set(record.case, record);
  }

  /** The result of a case that is done with these settings and whose files are all there, if its input is the same, too. */
  async finished(name: string, settings: string, checksums: () => Promise<readonly string[]>): Promise<CaseResult | undefined> {
    const record = this.#records.get(name);
    if (record?.result === undefined || record.settings !== settings) return undefined;
    for (const file of record.result.files) if (!(await exists(join(this.#folder, file)))) return undefined;
    return (await checksums()).join() === record.checksums.join() ? record.result : undefined;
  }
}

function parseRecord(text: string): CaseRecord | undefined {
  try {
    const { case: name, settings, checksums, files, result } = JSON.parse(text) as Partial<CaseRecord>;
    if (name === undefined || settings === undefined || !Array.isArray(checksums) || !Array.isArray(files)) return undefined;
    return { case: name, settings, checksums, files, ...(result === undefined ? {} : { result }) };
  } catch {
    return undefined; // not one of ours
  }
}
