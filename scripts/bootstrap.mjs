#!/usr/bin/env node
/**
 * `npm start` and `npm test` on a machine that has nothing but Node.js and npm: installs the packages with the pinned
 * pnpm, builds, then shows the demo or runs every check. What is there already is not done again.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const description = JSON.parse(readFileSync(resolve(repository, "package.json"), "utf8"));
const environment = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", npm_config_update_notifier: "false" };

const [task, ...rest] = process.argv.slice(2);
const tasks = { start, test };

if (!Object.hasOwn(tasks, task)) fail(`usage: node scripts/bootstrap.mjs ${Object.keys(tasks).join("|")} [arguments]`, 2);
requireNode(description.engines.node);
// Ctrl-C reaches the running step, too, which ends in its own way; this process passes its exit code on.
process.on("SIGINT", () => undefined);
await tasks[task]();

async function start() {
  await prepare();
  await run("Demo", process.execPath, ["apps/cli/bin/hidiff.js", "demo", ...rest]);
}

async function test() {
  await prepare();
  await pnpm("Types, packaging, lint, unused code", ["run", "check"]);
  await pnpm("Tests", ["exec", "vitest", "run", ...rest]);
}

async function prepare() {
  await pnpm("Packages", ["install", "--frozen-lockfile", "--reporter=append-only"], { quiet: true });
  await pnpm("Build", ["run", "build", "--output-logs=errors-only"], { quiet: true });
}

/** Runs the pnpm that package.json pins, without installing it anywhere. */
function pnpm(title, options, settings) {
  const npmScript = process.env.npm_execpath;
  const pinned = description.packageManager.split("+")[0];
  const arguments_ = ["exec", "--yes", `--package=${pinned}`, "--", "pnpm", ...options];
  // Under `npm start`, npm's own script is known: no shell is needed, on no platform.
  if (npmScript?.endsWith(".js")) return run(title, process.execPath, [npmScript, ...arguments_], settings);
  const windows = process.platform === "win32";
  return run(title, windows ? "npm.cmd" : "npm", arguments_, { ...settings, shell: windows });
}

/** Runs one step in the repository. A quiet one shows its output only if it fails. Ends this process with a failing step's exit code. */
function run(title, command, options, { quiet = false, shell = false } = {}) {
  console.error(`▸ ${title}`);
  const start = Date.now();
  return new Promise((done) => {
    const child = spawn(command, options, { cwd: repository, env: environment, shell, stdio: ["inherit", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"] });
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => fail(`${title} could not be started: ${error.message}`, 1));
    child.on("close", (code, signal) => {
      if (code === 0) {
        if (quiet) console.error(`  ${((Date.now() - start) / 1000).toFixed(1)} s`);
        done();
        return;
      }
      process.stderr.write(Buffer.concat(chunks));
      fail(`${title} ${signal === null ? `failed with exit code ${code}` : `was stopped (${signal})`}.`, code ?? 130);
    });
  });
}

function requireNode(range) {
  const [major, minor] = range.replace(">=", "").split(".").map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  fail(`HiDiff needs Node.js ${major}.${minor} or newer; this is ${process.versions.node}. Get it from https://nodejs.org.`, 1);
}

function fail(message, code) {
  console.error(message);
  process.exit(code);
}
