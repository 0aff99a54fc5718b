import { join } from "node:path";
import type { BackendChoice } from "@hidiff/core-tensor";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import { versions } from "../versions.ts";
import { formatJson } from "./json.ts";

export const manifestFile = "manifest.json";

/** What every run manifest says. */
interface RunManifest {
  readonly command: string;
  /** What was typed after `hidiff`. */
  readonly arguments: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly backend: { readonly name: string; readonly reason: string };
  readonly startedAt: string;
  readonly seconds: number;
}

/** Writes `manifest.json`, or a manifest of another name: how the files beside it were made. */
export async function writeManifest(
  folder: string,
  { command, backend, startedAt, details, file = manifestFile }: { command: string; backend: BackendChoice; startedAt: Date; details: object; file?: string },
): Promise<RunManifest> {
  const manifest = {
    command,
    arguments: process.argv.slice(2),
    versions: versions(),
    platform: `${process.platform}-${process.arch}`,
    backend: { name: backend.name, reason: backend.reason },
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    ...details,
  };
  await writeFileAtomic(join(folder, file), formatJson(manifest));
  return manifest;
}
