import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { versions } from "../versions.ts";

/** Packages of others that matter, and the own package that uses each. */
const packages = {
  "@tensorflow/tfjs-core": "@hidiff/core-tensor",
  sharp: undefined,
  "onnxruntime-node": "hidiff",
  "onnxruntime-web": "hidiff",
} as const;

/** Versions by name: of Node.js, of the own packages, and of those of others that are installed. */
export function installedVersions(): Readonly<Record<string, string>> {
  const others = Object.entries(packages).flatMap(([name, user]) => {
    const version = findVersion(name, user === undefined ? import.meta.url : import.meta.resolve(user));
    return version === undefined ? [] : [[name, version] as const];
  });
  return { ...versions(), ...Object.fromEntries(others) };
}

/** Looks where an import from `from` would: many packages do not let their package.json be imported. */
function findVersion(name: string, from: string): string | undefined {
  const files = (createRequire(from).resolve.paths(name) ?? []).map((folder) => join(folder, name, "package.json"));
  const found = files.find((file) => existsSync(file));
  return found === undefined ? undefined : (JSON.parse(readFileSync(found, "utf8")) as { version: string }).version;
}
