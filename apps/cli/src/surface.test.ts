import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "./main.ts";
import { createProgram } from "./program.ts";

/** Runs the command in this process. */
async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    vi.spyOn(process[stream], "write").mockImplementation((part) => {
      text[stream] += String(part);
      return true;
    });
  }
  try {
    return { code: await main(argv), ...text };
  } finally {
    vi.restoreAllMocks();
  }
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("without arguments", () => {
  it("says what to do first", async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/First steps:\n {2}hidiff demo /);
    expect(stdout).toContain("completion, help\n");
  });

  it("a group of commands is wrong usage, with its help", async () => {
    const { code, stdout, stderr } = await run("dataset");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: hidiff dataset");
  });
});

describe("help", () => {
  it("is the same both ways", async () => {
    const both = [await run("help", "dataset", "check"), await run("dataset", "check", "--help")];
    expect(both[0]).toEqual(both[1]);
    expect(both[0]!.stdout).toContain("hidiff dataset check data/Kvasir-SEG");
  });

  it("of every command has examples, and lines of at most 130 characters", () => {
    const [without, wide]: [string[], string[]] = [[], []];
    const visit = (command: ReturnType<typeof createProgram>, path: string): void => {
      let text = "";
      command.configureOutput({ writeOut: (part) => (text += part) });
      command.outputHelp();
      if (text.split("\n").some((line) => line.length > 130)) wide.push(path);
      const takesSomething = command.registeredArguments.length > 0 || command.options.some(({ required }) => required);
      if (takesSomething && !/\nExamples?:\n {2}.*hidiff/.test(text)) without.push(path);
      for (const sub of command.createHelp().visibleCommands(command)) if (sub.name() !== "help") visit(sub, `${path} ${sub.name()}`);
    };
    visit(createProgram(), "hidiff");
    expect({ without, wide }).toEqual({ without: [], wide: [] });
  });
});

describe("wrong usage", () => {
  it.each([
    [["help", "datset"], "error: unknown command 'datset'. Did you mean \"dataset\"?"],
    [["dataset", "chek"], "error: unknown command 'chek' (Did you mean check?)"],
    [["doctor", "--jsn"], "error: unknown option '--jsn' (Did you mean --json?)"],
    [["evaluate", "--split", "tset"], "error: option '--split <name>' argument 'tset' is invalid. Did you mean \"test\"? Allowed choices are train, validation, test."],
    [["completion", "bsh"], "error: command-argument value 'bsh' is invalid for argument 'shell'. Did you mean \"bash\"? Allowed choices are bash, zsh, fish, powershell."],
    [["demo", "--backend", "wsam"], "error: option '--backend <name>' argument 'wsam' is invalid. Did you mean \"wasm\"? Allowed choices are tfjs-node-gpu, tfjs-node, wasm, cpu."],
    [["evaluate"], "error: required option '--model <bundle>' not specified; for example: hidiff evaluate --model runs/drive"],
    [["dataset", "check"], "error: missing required argument 'folder'; for example: hidiff dataset check data/Kvasir-SEG"],
  ])("%j", async (argv, message) => {
    const { code, stdout, stderr } = await run(...argv);
    expect({ code, stdout, stderr: stderr.trim() }).toEqual({ code: 2, stdout: "", stderr: message });
  });
});

describe("--json", () => {
  it("tells machines of failures, too", async () => {
    const missing = await run("dataset", "check", "/nowhere/at/all", "--json");
    expect(missing.code).toBe(1);
    expect(missing.stdout.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(missing.stdout)).toMatchObject({ event: "error", code: expect.stringMatching(/^[a-z]+\.[a-z]+$/), message: expect.stringContaining("/nowhere/at/all") });
    expect(missing.stderr).toMatch(/^error: /);
    const usage = await run("doctor", "--json", "--jsn");
    expect(usage.code).toBe(2);
    expect(JSON.parse(usage.stdout)).toEqual({ event: "error", code: "usage.unknownOption", message: "unknown option '--jsn' (Did you mean --json?)" });
  });
});

describe("--quiet", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "hidiff-quiet-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("leaves errors, and the answers of commands that are there for them", async () => {
    const data = join(folder, "polyps");
    expect(await run("dataset", "synthesize", "kvasir-seg", data, "--quiet", "--train", "2", "--test", "1", "--size", "32")).toEqual({ code: 0, stdout: "", stderr: "" });
    const answer = await run("dataset", "stats", data, "-q");
    expect({ code: answer.code, stderr: answer.stderr }).toEqual({ code: 0, stderr: "" });
    expect(answer.stdout).toContain("kvasir-seg");
    expect(await run("dataset", "preview", data, "-q", "--out", join(folder, "preview.png"))).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await run("dataset", "stats", join(folder, "nowhere"), "-q")).stderr).toMatch(/^error: /);
    expect((await run("dataset", "stats", data)).stderr).toBe("Layout: kvasir-seg\n");
  });

  it("colours where FORCE_COLOR says so, and nowhere with --no-color", async () => {
    vi.stubEnv("FORCE_COLOR", "1");
    vi.stubEnv("NO_COLOR", undefined);
    const data = join(folder, "polyps");
    const escape = "\u001B[";
    expect((await run("dataset", "stats", data)).stdout).toContain(escape);
    expect((await run("dataset", "stats", data, "--no-color")).stdout).not.toContain(escape);
  });
});
