import { readFileSync } from "node:fs";

interface PackageDescription {
  readonly name: string;
  readonly version: string;
}

/** This package, whichever of its built files this code is in. */
export const ownVersion: string = readPackage(new URL("../package.json", import.meta.url)).version;

/** The versions of the packages that determine a result, and of Node.js. */
export function versions(): Record<string, string> {
  const packages = ["hidiff", "@hidiff/core-tensor", "@hidiff/datasets", "@hidiff/metrics"].map((name) => {
    const { version } = readPackage(new URL("../package.json", import.meta.resolve(name)));
    return [name, version] as const;
  });
  return { "@hidiff/cli": ownVersion, ...Object.fromEntries(packages), node: process.versions.node };
}

function readPackage(url: URL): PackageDescription {
  return JSON.parse(readFileSync(url, "utf8")) as PackageDescription;
}
