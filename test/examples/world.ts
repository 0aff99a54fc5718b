import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const tsx = import.meta.resolve("tsx");
const command = ["--conditions=@hidiff/source", "--import", tsx];

/** What examples call their data; all of it is drawn. */
const drawnData = {
  "my-images": ["folder", "--train", "4", "--validation", "2", "--test", "2"],
  "data/DRIVE": ["drive", "--train", "3", "--test", "2"],
  "data/CHASE_DB1": ["chase-db1", "--train", "2", "--test", "2"],
  "data/Kvasir-SEG": ["kvasir-seg", "--train", "4", "--validation", "2", "--test", "2"],
  "data/Task04_Hippocampus": ["msd", "--train", "3", "--validation", "1", "--test", "1", "--depth", "8"],
} as const;

/** Models with names, with their presets and data: for where those that are shipped are not there. */
const trainedModels = {
  vessels: ["drive-small", "data/DRIVE"],
  hippocampus: ["hippocampus-small", "data/Task04_Hippocampus"],
} as const;

/** What examples do with npm: they call the command, or install packages, which must be some of this repository's. */
const npmScript = `
case "$1" in
  run) [ "$2 $3" = "hidiff --" ] || { echo "npm $*: only npm run hidiff -- is known here" >&2; exit 2; }; shift 3; exec hidiff "$@" ;;
  install) shift; for name; do case "$name" in --*) ;; *) grep -q "\\"name\\": \\"$name\\"" ${repository}/*/*/package.json || { echo "no package $name" >&2; exit 1; } ;; esac; done ;;
  *) echo "npm $1 is not known here" >&2; exit 2 ;;
esac`;

/** Folders in which examples are run as their readers run them, apart from how long a training lasts. */
export interface World {
  /** A new folder with the drawn data in it. */
  folder(): Promise<string>;
  /** Runs a shell example. */
  shell(code: string, folder: string): Promise<string>;
  /** Runs a program; `file` is where its imports are resolved. */
  program(file: string, folder: string): Promise<string>;
  remove(): Promise<void>;
}

/** Draws the data, and puts commands in the way of those that examples call. */
export async function createWorld(): Promise<World> {
  const root = await mkdtemp(join(tmpdir(), "hidiff-examples-"));
  const [drawn, programs] = [join(root, "drawn"), join(root, "bin")];
  await mkdir(programs);
  await shim(programs, "hidiff", `exec "${process.execPath}" ${command.map((part) => `"${part}"`).join(" ")} "${fileURLToPath(new URL("short-command.ts", import.meta.url))}" "$@"`);
  await shim(programs, "npm", npmScript);
  const environment = {
    ...process.env,
    HIDIFF_BACKEND: process.env["HIDIFF_BACKEND"] ?? "wasm",
    HIDIFF_CACHE: join(root, "cache"),
    HIDIFF_OFFLINE: "1",
    NO_COLOR: "1",
    TF_CPP_MIN_LOG_LEVEL: "2",
    PATH: `${programs}${delimiter}${process.env["PATH"]}`,
  };
  const run = async (program: string, arguments_: readonly string[], cwd: string): Promise<string> => {
    const { stdout } = await promisify(execFile)(program, arguments_, { cwd, env: environment, maxBuffer: 2 ** 27 }).catch((error: Error & { stderr?: string }) => {
      // An uncaught error shows the whole line of the source, which may be a minified file.
      const lines = (error.stderr ?? error.message).split("\n").map((line) => line.slice(0, 400));
      throw new Error(lines.slice(-30).join("\n"));
    });
    return stdout;
  };
  for (const [folder, [name, ...options]] of Object.entries(drawnData)) {
    await run("hidiff", ["dataset", "synthesize", name, join(drawn, folder), ...options], root);
  }
  await copyFirst(join(drawn, "my-images/images"), join(drawn, "photo.png"));
  await copyFirst(join(drawn, "data/Task04_Hippocampus/imagesTr"), join(drawn, "scan.nii.gz"));
  await cp(join(drawn, "my-images/images"), join(drawn, "photos"), { recursive: true });
  for (const [name, [preset, data]] of Object.entries(trainedModels)) {
    await run("hidiff", ["train", "--preset", preset, "--data", data, "--out", join(root, name)], drawn);
    await cp(join(root, name, "bundle"), join(drawn, "models", name), { recursive: true });
    const cached = join(environment.HIDIFF_CACHE, "models", name);
    await cp(join(root, name, "bundle"), join(cached, "bundle"), { recursive: true });
    await writeFile(join(cached, "origin.json"), JSON.stringify({ url: `https://example.org/${name}.zip` }));
  }
  await run("hidiff", ["predict", "data/DRIVE/training/images", "data/DRIVE/test/images", "--model", "models/vessels", "--out", "nnunet/drive"], drawn);
  return {
    async folder() {
      const folder = await mkdtemp(join(root, "folder-"));
      await cp(drawn, folder, { recursive: true });
      return folder;
    },
    shell: (code, folder) => run("bash", ["-euo", "pipefail", "-c", code], folder),
    program: (file, folder) => run(process.execPath, [...command, file], folder),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

async function copyFirst(folder: string, to: string): Promise<void> {
  const [first] = (await readdir(folder)).filter((name) => !name.startsWith(".")).toSorted();
  await cp(join(folder, first!), to);
}

async function shim(folder: string, name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

