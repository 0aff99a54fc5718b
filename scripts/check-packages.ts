/**
 * Packs every package as it is published, installs the tarballs with npm in an empty project outside of the repository, and
 * uses them there as a user would: every entry by `import` and by `require`, its types under both ways of resolution, the
 * examples of the READMEs, and the `hidiff` command. The packages must be built. Usage:
 *
 *     node --import tsx scripts/check-packages.ts [--keep]
 *
 * Other packages come from npm's registry; without it the check is skipped, with a message and exit code 0.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { examples } from "../test/examples/markdown.ts";

interface Package {
  readonly name: string;
  /** Relative to the repository. */
  readonly folder: string;
  readonly tarball: string;
  /** What can be imported: `hidiff`, `hidiff/node`, … */
  readonly entries: readonly string[];
}

const repository = fileURLToPath(new URL("..", import.meta.url));
const project = realpathSync(mkdtempSync(join(tmpdir(), "hidiff-packages-")));
const require = createRequire(import.meta.url);
const pinnedPnpm = (JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { packageManager: string }).packageManager.split("+")[0]!;

/** Runs a program; its output is shown only if it fails. */
function run(program: string, arguments_: readonly string[], { folder = project, allowFailure = false } = {}): string | undefined {
  const environment = { ...process.env, HIDIFF_BACKEND: "wasm", NO_COLOR: "1", NODE_OPTIONS: "" };
  const { status, stdout, stderr } = spawnSync(program, arguments_, { cwd: folder, env: environment, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status === 0) return stdout;
  if (allowFailure) return undefined;
  throw new Error(`${[program, ...arguments_].join(" ")} failed:\n${stdout ?? ""}${stderr ?? ""}`);
}

function step<T>(what: string, action: () => T): T {
  const start = Date.now();
  const result = action();
  console.log(`${what} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

/** Packs one package and checks what is in the tarball. */
function pack(folder: string): Package {
  if (!existsSync(join(repository, folder, "dist"))) throw new Error(`${folder} is not built: run pnpm build.`);
  const report = run("npm", ["exec", "--yes", `--package=${pinnedPnpm}`, "--", "pnpm", "pack", "--json", "--pack-destination", project], {
    folder: join(repository, folder),
  })!;
  const { filename: tarball } = JSON.parse(report.slice(report.indexOf("{"))) as { filename: string };
  const files = run("tar", ["-tzf", tarball])!.trim().split("\n");
  const missing = ["package/LICENSE", "package/README.md"].filter((file) => !files.includes(file));
  const unwanted = files.filter((file) => /^package\/(src|node_modules|bench|scripts)\/|\.test\.|\.tsbuildinfo$/.test(file));
  if (missing.length + unwanted.length > 0) throw new Error(`${tarball}: missing ${missing.join(", ") || "nothing"}; should not be in it: ${unwanted.join(", ") || "nothing"}`);
  const description = run("tar", ["-xzOf", tarball, "package/package.json"])!;
  const unpublished = ["workspace:", "catalog:", "@hidiff/source"].find((text) => description.includes(text));
  if (unpublished !== undefined) throw new Error(`${tarball}: its package.json still says "${unpublished}".`);
  const { name, exports } = JSON.parse(description) as { name: string; exports: Record<string, unknown> };
  const entries = Object.entries(exports).filter(([, target]) => typeof target === "object"); // others are files, such as schemas
  return { name, folder, tarball, entries: entries.map(([path]) => name + path.slice(1)) };
}

/** Every entry in a module of each kind. */
function importEverything(entries: readonly string[]): void {
  const names = JSON.stringify(entries);
  const check = (how: string): string =>
    `for (const name of ${names}) { const entry = ${how}; if (Object.keys(entry).length === 0) throw new Error(name + " exports nothing"); }`;
  writeFileSync(join(project, "imports.mjs"), check("await import(name)"));
  writeFileSync(join(project, "requires.cjs"), check("require(name)"));
  run(process.execPath, ["imports.mjs"]);
  run(process.execPath, ["--disable-warning=ExperimentalWarning", "requires.cjs"]);
}

/** TypeScript finds the types of every entry. */
function checkTypes(entries: readonly string[]): void {
  const lines = entries.map((name, index) => `import * as entry${index} from "${name}";\nif (Object.keys(entry${index}).length === 0) throw new Error();`);
  writeFileSync(join(project, "types.mts"), lines.join("\n"));
  const tsc = require.resolve("typescript/bin/tsc");
  for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]] as const) {
    const options = ["--noEmit", "--strict", "--target", "es2022", "--module", module, "--moduleResolution", resolution, "types.mts"];
    run(process.execPath, [tsc, ...options]);
  }
}

/** The TypeScript examples of a package's README, as programs of the project. */
async function runExamples({ folder }: Package): Promise<number> {
  const { transform } = await import("esbuild");
  const programs = examples(`${folder}/README.md`).filter(({ language, notRun }) => language === "ts" && notRun === undefined);
  for (const { code } of programs) {
    writeFileSync(join(project, "example.mjs"), (await transform(code, { loader: "ts", format: "esm" })).code);
    run(process.execPath, ["example.mjs"]);
  }
  return programs.length;
}

/** The command, with a model that comes with the packages, if there is one. */
function useCommand(): void {
  const hidiff = (...arguments_: string[]): string => run("npx", ["--no-install", "hidiff", ...arguments_])!;
  const { version } = JSON.parse(readFileSync(join(project, "node_modules/@hidiff/cli/package.json"), "utf8")) as { version: string };
  if (hidiff("--version").trim() !== version) throw new Error(`hidiff --version is not ${version}`);
  hidiff("dataset", "synthesize", "drive", "drawn", "--train", "2", "--test", "1");
  const tiny = ["architecture.segmentor.options={ baseWidth: 4, depth: 2 }", "architecture.refiner.baseWidth=8", "architecture.diffusion.steps=3", "training.batchSize=1"];
  const short = ["training.cropSize=32", "training.pretraining.iterations=1", "training.alternating.iterations=1", "inference.samples=1", "inference.window=64"];
  hidiff("train", "--preset", "drive-small", "--data", "drawn", "--out", "run", ...[...tiny, ...short].flatMap((value) => ["--set", value]));
  const models = join(project, "node_modules/@hidiff/models/models");
  const shipped = existsSync(models) ? readdirSync(models) : [];
  const image = join("drawn/test/images", readdirSync(join(project, "drawn/test/images"))[0]!);
  for (const model of ["run", ...(shipped.includes("vessels") ? ["vessels"] : [])]) {
    hidiff("predict", image, "--model", model, "--out", `masks-${model}`);
    if (!readdirSync(join(project, `masks-${model}`)).some((name) => name.endsWith("_mask.png"))) throw new Error(`hidiff predict --model ${model} wrote no mask`);
  }
}

try {
  const folders = ["packages", "apps"].flatMap((parent) => readdirSync(join(repository, parent)).map((name) => `${parent}/${name}`));
  const packages = step("packed, each with its licence and README and no sources", () => folders.map(pack));
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, version: "1.0.0" }));
  if (run("npm", ["view", "zod", "version"], { allowFailure: true }) === undefined) {
    console.log("npm's registry cannot be reached: the packages were packed, but not installed and used.");
  } else {
    const tarballs = packages.map(({ tarball }) => tarball);
    step("installed by npm", () => run("npm", ["install", "--no-audit", "--no-fund", "--silent", ...tarballs]));
    const entries = packages.flatMap((each) => each.entries);
    // Of these, the optional peers that they are for are not installed.
    const usable = entries.filter((name) => name !== "@hidiff/core-tensor/tensorflow-models");
    step(`${usable.length} entries imported and required`, () => importEverything(usable));
    step(`types of ${entries.length} entries`, () => checkTypes(entries));
    let count = 0;
    for (const each of packages) count += await runExamples(each);
    console.log(`${count} examples of the READMEs`);
    step("the hidiff command: data drawn, a model trained, an image segmented", useCommand);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  if (process.argv.includes("--keep")) console.log(project);
  else rmSync(project, { recursive: true, force: true });
}
