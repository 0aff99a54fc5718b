import { readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

/** Keeps simultaneous writes to one path apart, those of one thread. */
let writes = 0;

/** Names of hosts may hold dots, which separate the parts of a temporary name. */
const host = hostname().replaceAll(/[^A-Za-z0-9_-]+/g, "_");

/** The name beside `path` under which a file or folder is written before it is renamed into place: no other writer has it. */
export function temporaryPath(path: string): string {
  return `${path}.${host}.${process.pid}.${threadId}.${writes++}.tmp`;
}

/**
 * Removes from a folder what processes of this machine left behind there that were killed while they wrote: their
 * {@link temporaryPath}s. Those of running processes and of other machines stay. What cannot be removed is left.
 */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.filter(isAbandoned).map((name) => rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined)));
}

function isAbandoned(name: string): boolean {
  const found = /\.([\w-]+)\.(\d+)\.\d+\.\d+\.tmp$/.exec(name);
  return found !== null && found[1] === host && !isRunning(Number(found[2]));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
