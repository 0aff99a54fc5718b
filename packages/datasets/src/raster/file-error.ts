import { HidiffError } from "@hidiff/core-tensor/errors";

const remedies: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder; check the path",
  ENOTDIR: "a part of the path is a file, not a folder; check the path",
  EISDIR: "it is a folder, not a file; name a file",
  EACCES: "permission is denied; change the permissions or choose another place",
  EPERM: "permission is denied; change the permissions or choose another place",
  EROFS: "the file system is read-only; choose another place",
  ENOSPC: "the disk is full; free some space or choose another place",
  EDQUOT: "the disk quota is used up; free some space or choose another place",
  EMFILE: "too many files are open; raise the limit or do less at once",
};

/** A `datasets.file` error that names the path and, for the usual failures, the remedy. */
export function fileError(operation: string, path: string, cause: unknown): HidiffError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const reason = remedies[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new HidiffError("datasets.file", `${operation}: "${path}": ${reason}${code === "" ? "" : ` (${code})`}.`, { cause });
}
