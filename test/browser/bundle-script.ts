import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A script that was bundled for browsers as an application's is: no plug-in, no configuration. */
export interface Script {
  readonly code: Uint8Array;
  /** The files that went into it. */
  readonly sources: readonly string[];
}

/** Bundles a file of this folder. */
export function bundleScript(file: string): Promise<Script> {
  return bundle({ entryPoints: [fileURLToPath(new URL(file, import.meta.url))] });
}

/** Bundles all that a package exports. */
export function bundlePackage(name: string): Promise<Script> {
  return bundle({ stdin: { contents: `import * as all from ${JSON.stringify(name)}; console.log(all);`, resolveDir: fileURLToPath(new URL(".", import.meta.url)) } });
}

async function bundle(entry: { readonly entryPoints: string[] } | { readonly stdin: { readonly contents: string; readonly resolveDir: string } }): Promise<Script> {
  const { outputFiles, metafile } = await build({
    ...entry,
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["@hidiff/source"], // from the sources, so that nothing must be built before
    write: false,
    metafile: true,
    logLevel: "silent", // problems are in the error thrown
  });
  return { code: outputFiles[0]!.contents, sources: Object.keys(metafile.inputs) };
}
