import { lstatSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative as relativePath, resolve, sep, win32 } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/files-node";

/**
 * The path of a file that a list, a table or a description names relative to a folder. It cannot lead out of the folder:
 * absolute paths, `..` and symbolic links to somewhere else are refused, so that a list from elsewhere reads nothing but
 * the data set. The file itself need not exist; `root` may be a symbolic link.
 *
 * @throws `datasets.path` for a path that leads outside, `file.read` where `root` or a part of the path cannot be looked up
 */
export function resolveInside(root: string, relative: string): string {
  const refuse = (what: string, cause?: unknown): never => {
    throw new HidiffError("datasets.path", `resolveInside: ${JSON.stringify(relative)} ${what}. Expected a path relative to "${root}" that stays in it.`, { cause });
  };
  if (relative.trim() === "" || relative.includes("\0")) refuse("is no path");
  if (isAbsolute(relative) || win32.isAbsolute(relative) || /^[A-Za-z]:/.test(relative)) refuse("is absolute");
  if (relative.split(/[/\\]/).includes("..")) refuse('contains ".."');
  const realRoot = realPath(root);
  const base = resolve(root);
  // The deepest part that exists decides: what does not exist below it is no link.
  for (let existing = join(base, relative); existing.length > base.length; existing = dirname(existing)) {
    if (!exists(existing)) continue;
    let real: string;
    try {
      real = realpathSync(existing);
    } catch (error) {
      return refuse(`leads through a symbolic link that ends nowhere or in a circle ("${existing}")`, error);
    }
    const way = relativePath(realRoot, real);
    if (isAbsolute(way) || way.split(sep)[0] === "..") refuse(`leads through a symbolic link to "${real}", outside of the folder`);
    break;
  }
  return join(root, relative);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw fileError("read", path, error);
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
    throw fileError("read", path, error);
  }
}
