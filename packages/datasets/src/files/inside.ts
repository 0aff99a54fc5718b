import { lstatSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative as relativePath, resolve, sep, win32 } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { readError } from "./read-file.ts";

/**
 * The path of a file that a list, a table or a description names relative to a folder. It cannot lead out of the folder:
 * absolute paths, `..` and symbolic links to somewhere else are refused, so that a list from elsewhere reads nothing but
 * the data set. The file itself need not exist; `root` may be a symbolic link.
 *
 * @throws `datasets.path` for a path that leads outside, `file.read` where `root` or a part of the path cannot be looked up
 */
export function resolveInside(root: string, relative: string): string {
  const path = joinInside(root, relative);
  checkInside(root, path, JSON.stringify(relative));
  return path;
}

/** As {@link resolveInside}, but links are not followed: {@link checkInside} must do that before the file is read. */
export function joinInside(root: string, relative: string): string {
  const refuse = (what: string): never => {
    throw new HidiffError("datasets.path", `resolveInside: ${JSON.stringify(relative)} ${what}. Expected a path relative to "${root}" that stays in it.`);
  };
  if (relative.trim() === "" || relative.includes("\0")) refuse("is no path");
  if (isAbsolute(relative) || win32.isAbsolute(relative) || /^[A-Za-z]:/.test(relative)) refuse("is absolute");
  if (relative.split(/[/\\]/).includes("..")) refuse('contains ".."');
  return join(root, relative);
}

/**
 * Checks that no symbolic link on the way from a folder to a path in it leads out of the folder, such as to the files of
 * another user. What does not exist is no link.
 *
 * @param named how errors call the path
 * @throws `datasets.path` for a link that leads outside, nowhere or in a circle, `file.read` for what cannot be looked up
 */
export function checkInside(root: string, path: string, named: string = `"${path}"`): void {
  const refuse = (link: string, where: string, cause?: unknown): never => {
    const name = `${named} ${link === resolve(path) ? "is" : "lies behind"}`;
    throw new HidiffError(
      "datasets.path",
      `resolveInside: ${name} a symbolic link ${where}. Put the file itself there; files of a data set must lie within its folder, "${root}".`,
      { cause },
    );
  };
  const realRoot = realPath(root);
  const base = resolve(root);
  // The deepest part that exists decides: what does not exist below it is no link.
  for (let existing = resolve(path); existing.length > base.length; existing = dirname(existing)) {
    if (!exists(existing)) continue;
    let real: string;
    try {
      real = realpathSync(existing);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EACCES") throw readError(existing, error);
      return refuse(existing, "that ends nowhere or leads in a circle", error);
    }
    const way = relativePath(realRoot, real);
    if (isAbsolute(way) || way.split(sep)[0] === "..") refuse(existing, `to "${real}", outside of the data set`);
    break;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw readError(path, error);
  }
}

/** Whether there is a file, a folder or a link, the link's target aside. */
function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw readError(path, error);
  }
}
