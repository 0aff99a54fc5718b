import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError, writeFileAtomic } from "@hidiff/core-tensor/node";
import { makeFolder } from "../files/folder.ts";
import { manifestFile } from "../files/manifest.ts";
import { evaluationFiles } from "../evaluate/run.ts";

/** Tells that a demo made the folder, so that the next one may replace what is in it. */
const marker = ".hidiff-demo";

/** What a demo puts into its folder. */
export const demoFiles: Readonly<Record<"page" | "training" | "table" | "summary" | "pictures", string>> = {
  page: "index.html",
  training: "training",
  table: evaluationFiles.table,
  summary: evaluationFiles.summary,
  pictures: evaluationFiles.pictures,
};

/**
 * Makes the demo's folder, or empties it of what an earlier demo made. Nothing else is ever deleted.
 *
 * @throws HidiffError `demo.folder` if it holds something, but is not of a demo; `file.write`
 */
export async function claimFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  const entries = await readdir(folder);
  if (entries.length > 0 && !entries.includes(marker)) {
    throw new HidiffError("demo.folder", `${folder} holds files that no demo made; choose another folder with --out.`);
  }
  for (const name of [...Object.values(demoFiles), manifestFile]) {
    const path = join(folder, name);
    await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
      throw fileError("write", path, error);
    });
  }
  await writeFileAtomic(join(folder, marker), "Made by `hidiff demo`, which replaces the files beside this one.\n");
}
