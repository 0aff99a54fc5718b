import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";

/** The path of `name`, one of `names` in `folder`. Throws `datasets.layout` that names the image without it. */
export function partner(operation: string, image: string, what: string, folder: string, names: ReadonlySet<string>, name: string): string {
  if (names.has(name)) return join(folder, name);
  throw new HidiffError(
    "datasets.layout",
    `${operation}: "${image}" has no ${what}: expected "${join(folder, name)}". Restore that file or remove the image.`,
  );
}

/**
 * Checks that no masks are left over.
 *
 * @throws `datasets.layout` that counts the masks without image and names the first of them
 */
export function refuseStrays(operation: string, strays: readonly string[]): void {
  if (strays.length === 0) return;
  throw new HidiffError(
    "datasets.layout",
    `${operation}: ${strays.length === 1 ? "1 mask has" : `${strays.length} masks have`} no image: ` +
      `${strays.slice(0, 3).map((path) => `"${path}"`).join(", ")}${strays.length > 3 ? ", …" : ""}. Restore the images or remove the masks.`,
  );
}
