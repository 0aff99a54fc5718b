import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** A script for browsers, bundled without a plug-in and without configuration. */
interface Script {
  readonly code: Uint8Array;
  /** The files that went into it. */
  readonly sources: readonly string[];
}

/** Bundles a file of this folder. */
export function bundleScript(file: string): Promise<Script> {
  return bundle({ entryPoints: [file], absWorkingDir: folder });
}

/** Bundles all that a package exports. */
export function bundlePackage(name: string): Promise<Script> {
  return bundle({ stdin: { contents: `export * from ${JSON.stringify(name)};`, resolveDir: folder } });
}

async function bundle(entry: BuildOptions): Promise<Script> {
  const { outputFiles, metafile } = await build({
    ...entry,
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["@hidiff/source"], // so that nothing must be built before
    write: false,
    metafile: true,
    logLevel: "silent", // the error has the messages
  });
  return { code: outputFiles[0]!.contents, sources: Object.keys(metafile.inputs) };
}
