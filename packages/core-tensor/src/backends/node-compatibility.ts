import { createRequire } from "node:module";

/**
 * Restores two functions that Node 23 removed from `util` and that tfjs-node 4.22 calls on every operation.
 * Must run before the native backend is loaded.
 */
export function restoreRemovedUtilities(): void {
  const util = createRequire(import.meta.url)("node:util") as Record<string, unknown>;
  // Always replaced: where they still exist, they print a deprecation warning.
  util["isNullOrUndefined"] = (value: unknown): boolean => value === null || value === undefined;
  util["isArray"] = Array.isArray;
}
