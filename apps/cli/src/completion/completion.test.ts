import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { datasetRegistry, syntheticKinds } from "@hidiff/datasets/node";
import { presetNames, weightsKinds } from "hidiff";
import { backendNames } from "@hidiff/core-tensor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backends } from "../commands/shared-options.ts";
import { createProgram } from "../program.ts";
import { complete } from "./complete.ts";
import { knownNames } from "./names.ts";
import { completionScripts, type Shell } from "./scripts.ts";

const values = (...words: string[]): string[] => complete(createProgram(), words).candidates.map(({ value }) => value);

describe("complete", () => {
  it.each([
    [["eval"], ["evaluate"]],
    [["dataset", "s"], ["stats", "synthesize"]],
    [["train", "--res"], ["--resume"]],
    [["evaluate", "--split", "t"], ["train", "test"]],
    [["evaluate", "--split=te"], ["--split=test"]],
    [["evaluate", "--split", "=", "te"], ["test"]],
    [["--quiet", "train", "--preset", "dr"], ["drive-small", "drive"]],
    [["train", "--resume", "--preset", "dem"], ["demo"]],
    [["train", "--set", "a=1", "--no-c"], ["--no-color"]],
    [["completion", ""], ["bash", "zsh", "fish", "powershell"]],
    [["doctor", ""], []],
    [["nonsense", ""], []],
  ])("%j", (words, expected) => {
    expect(values(...words)).toEqual(expected);
  });

  it("offers models by name where paths may stand, too", () => {
    const names = { "--model": ["vessels"], model: ["vessels"] };
    for (const words of [["predict", "a.png", "--model", "v"], ["model", "info", ""]]) {
      expect(complete(createProgram(), words, names)).toEqual({ candidates: [{ value: "vessels", description: "" }], paths: "files" });
    }
  });

  it("offers no hidden commands", () => {
    expect(values("")).not.toContain("probe-backend");
    expect(values("bench", "")).toEqual(["refiner", "help"]);
  });

  it.each([
    [["train", "--config", ""], "files"],
    [["train", "--out", "run"], "folders"],
    [["predict", "a.png", "b"], "files"],
    [["compare", "--model", "a", "b"], "files"],
    [["train", "--seed", ""], undefined],
    [["evaluate", "--split", ""], undefined],
  ])("knows what paths stand at the end of %j", (words, paths) => {
    expect(complete(createProgram(), words).paths).toBe(paths);
  });

  it("finds every option of every command", () => {
    const program = createProgram();
    const visit = (command: typeof program, path: readonly string[]): void => {
      for (const { long, hidden } of command.options) if (!hidden) expect(values(...path, "--")).toContain(long);
      for (const sub of command.createHelp().visibleCommands(command)) visit(sub, [...path, sub.name()]);
    };
    visit(program, []);
  });
});

it("names what the packages know", () => {
  expect(knownNames["--preset"]).toEqual(presetNames);
  const read = [...datasetRegistry.entries()].filter(([, { options }]) => options.includes("root")).map(([name]) => name);
  expect(knownNames["--dataset"]).toEqual(read);
  expect(values("dataset", "synthesize", "")).toEqual(syntheticKinds);
  expect(backends).toEqual(backendNames);
  expect(values("import", "--as", "").toSorted()).toEqual(weightsKinds().toSorted());
});

const repository = join(dirname(fileURLToPath(import.meta.url)), "../../../..");
const command = `${process.execPath} --conditions=@hidiff/source --import ${import.meta.resolve("tsx")} ${join(repository, "apps/cli/bin/hidiff.js")}`;
const installed = (shell: Shell): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;

describe("the scripts, in their shells", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "hidiff completion "));
    await mkdir(join(folder, "data set"));
    await writeFile(join(folder, "mine.yaml"), "");
    await writeFile(join(folder, "hidiff"), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (shell: Shell, script: string): string[] => {
    const text = execFileSync(shell, ["-c", script], { cwd: folder, env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` }, encoding: "utf8" });
    return text.split("\n").filter((line) => line !== "");
  };
  /** The last of `words` is the one at the cursor. */
  const inBash = (...words: string[]): string[] => {
    const quoted = ["hidiff", ...words].map((word) => `'${word}'`).join(" ");
    return run("bash", `${completionScripts.bash}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _hidiff; printf '%s\\n' "\${COMPREPLY[@]}"`);
  };
  /** The functions of zsh's completion system, which wants a terminal, say what they were asked for. */
  const inZsh = (...words: string[]): string[] => {
    const quoted = ["hidiff", ...words].map((word) => `'${word}'`).join(" ");
    const system = `compdef() { : }; _describe() { print -rl -- "\${(@P)4}" }; _files() { print -r -- "files $*" }`;
    return run("zsh", `${system}\n${completionScripts.zsh}\nwords=(${quoted}); CURRENT=${words.length + 1}; _hidiff`);
  };
  const inFish = (line: string): string[] => run("fish", `${completionScripts.fish}\ncomplete -C '${line}'`);

  it.skipIf(!installed("bash"))("bash (skipped where it is not installed)", () => {
    expect(inBash("dataset", "s")).toEqual(["stats", "synthesize"]);
    expect(inBash("evaluate", "--split", "=", "te")).toEqual(["test"]);
    expect(inBash("train", "--data", "d")).toEqual(["data set"]);
    expect(inBash("train", "--config", "m")).toEqual(["mine.yaml"]);
    expect(inBash("train", "--seed", "")).toEqual([]);
  });

  it.skipIf(!installed("zsh"))("zsh (skipped where it is not installed)", () => {
    expect(inZsh("dataset", "st")).toEqual(["stats:Sizes, intensities, classes and objects of a data set"]);
    expect(inZsh("train", "--data", "d")).toEqual(["files -/"]);
    expect(inZsh("train", "--config", "m")).toEqual(["files "]);
  });

  it.skipIf(!installed("fish"))("fish (skipped where it is not installed)", () => {
    expect(inFish("hidiff dataset st")).toEqual(["stats\tSizes, intensities, classes and objects of a data set"]);
    expect(inFish("hidiff evaluate --split te")).toEqual(["test"]);
    expect(inFish("hidiff train --data d")[0]).toMatch(/^data set\//);
    expect(inFish("hidiff train --config m")[0]).toMatch(/^mine\.yaml/);
  });
});
