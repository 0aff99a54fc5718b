import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { tmpdir } from "node:os";

/** Chromium: the environment variable HIDIFF_CHROMIUM, else on the path. */
const chromium: string | undefined =
  process.env["HIDIFF_CHROMIUM"] || ["chromium", "chromium-browser", "google-chrome"].map(onPath).find((path) => path !== undefined);

/** Why no page can be opened, to be appended to a test's name; empty if one can. */
export const withoutChromium: string = chromium === undefined ? " (skipped: no Chromium on the path, nor in HIDIFF_CHROMIUM)" : "";

/** How long a page may take; each takes two or three. */
const timeoutSeconds = 120;

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--enable-logging=stderr", // what pages write to their console
  "--remote-debugging-pipe", // is not used, but Chromium ends when it breaks: with this process at the latest
];

/**
 * Opens a page in headless Chromium until `result` is there.
 *
 * @throws Error that ends in what the page wrote to its console
 */
export async function withPage<T>(url: string, result: Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), "hidiff-chromium-"));
  const browser = spawn(chromium!, [...flags, `--user-data-dir=${profile}`, url], { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
  let log = "";
  browser.stderr!.setEncoding("utf8").on("data", (text: string) => (log += text));
  const closed = once(browser, "close");
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      result,
      closed.then(([code]) => Promise.reject(new Error(`Chromium ended with exit code ${code}.\n${log}`))),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${url} did not answer within ${timeoutSeconds} seconds.`)), 1000 * timeoutSeconds);
      }),
    ]);
  } catch (error) {
    const lines = log.split("\n").filter((line) => line.includes(":CONSOLE:"));
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${reason}\nThe page's console: ${lines.length === 0 ? "nothing" : `\n${lines.join("\n")}`}`, { cause: error });
  } finally {
    clearTimeout(timer);
    browser.kill("SIGKILL");
    await closed.catch(() => undefined);
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function onPath(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
