import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { documents, type Example, examples } from "./examples/markdown.ts";
import { createWorld, type World } from "./examples/world.ts";

// Every example of every README and guide is run: programs, and shell commands in a folder of drawn data.

const root = fileURLToPath(new URL("..", import.meta.url));
let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.remove());

const languages = { ts: "program", js: "program", sh: "shell" } as const;
const isRun = ({ language, notRun }: Example): boolean => language in languages && notRun === undefined;

describe.each(documents())("%s", (document) => {
  const all = examples(document);
  let folder = "";
  beforeAll(async () => {
    folder = await world.folder();
  });

  it.runIf(document.startsWith("packages/"))("has an example", () => {
    expect(all.filter(isRun).length).toBeGreaterThan(0);
  });

  it.each(all.filter((example) => isRun(example) || example.file !== undefined).map((example) => [example.line, example] as const))(
    "runs line %i",
    async (line, { language, code, file }) => {
      if (file !== undefined) {
        await mkdir(dirname(join(folder, file)), { recursive: true });
        return writeFile(join(folder, file), code);
      }
      if (language === "sh") return void (await world.shell(code, folder));
      // In the package's own folder, where its name and its dependencies resolve as they do for a user.
      const program = join(root, document.startsWith("packages/") ? dirname(document) : "", `.readme-example-${line}.ts`);
      writeFileSync(program, code);
      try {
        await world.program(program, folder);
      } finally {
        rmSync(program, { force: true });
      }
    },
  );
});

it("examples that are not run say why, and are few", () => {
  const notRun = documents().flatMap((document) => examples(document).filter(({ notRun: reason }) => reason !== undefined));
  const list = notRun.map(({ document, line, notRun: reason }) => `${document}:${line}: ${reason}`);
  console.log(`Examples that are not run:\n${list.join("\n")}`);
  expect(list.length).toBeLessThanOrEqual(12);
});

it("links between the documents lead somewhere", () => {
  const linksOf = (document: string): string[] => {
    const text = readFileSync(join(root, document), "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "");
    return [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!);
  };
  const broken = documents().flatMap((document) => {
    const missing = linksOf(document).filter((target) => !existsSync(join(root, dirname(document), target)));
    return missing.map((target) => `${document}: ${target}`);
  });
  expect(broken).toEqual([]);
});
