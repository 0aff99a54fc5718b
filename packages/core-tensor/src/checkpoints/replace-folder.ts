import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { exists } from "./exists.ts";

/** Others may put a folder there at the same time. */
const mostAttempts = 5;

/** How the name of a folder ends while another takes its place. `removeAbandoned` leaves such a one: it may be the only copy. */
export const replacedEnding = ".replaced.tmp";

/**
 * Puts a complete folder in the place of another, or of none. At every moment either of the two is there: the old one is only
 * removed once the new one has its name. Killed between these, {@link recoverFolder} gives the old one its name back.
 *
 * @throws what the file system throws; the old folder is back in its place then
 */
export async function replaceFolder(from: string, to: string): Promise<void> {
  const aside = asideOf(to);
  for (let attempt = 1; ; attempt++) {
    if (await exists(to)) {
      await rm(aside, { recursive: true, force: true }); // left by a process that was killed
      await rename(to, aside).catch(unlessGone);
    }
    try {
      await rename(from, to);
      break;
    } catch (error) {
      const isTaken = ["ENOTEMPTY", "EEXIST", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");
      if (isTaken && attempt < mostAttempts) continue;
      await recoverFolder(to);
      throw error;
    }
  }
  await rm(aside, { recursive: true, force: true }).catch(() => undefined); // the next one to replace the folder removes it
}

/** Gives a folder its name back that a killed process had moved aside to replace it. Does nothing where there is one. */
export async function recoverFolder(path: string): Promise<void> {
  if (!(await exists(path))) await rename(asideOf(path), path).catch(() => undefined);
}

/** Somebody else was quicker. */
function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

function asideOf(path: string): string {
  return `${resolve(path)}${replacedEnding}`;
}
