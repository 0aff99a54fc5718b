#!/usr/bin/env node
/**
 * Gives TensorFlow.js a current libtensorflow: `hidiff doctor --install-native`, in the repository also
 * `pnpm native:install [--gpu] [--wheel FILE] [--strip] [--force]`.
 *
 * The published tfjs-node(-gpu) 4.22.0 downloads libtensorflow 2.9.1 (CUDA 11.2), which fails behind firewalls and with
 * current CUDA. Here the library comes out of the TensorFlow wheel, and node-gyp builds the unpatched N-API binding
 * against it. Everything lands in `.native/` beside the node_modules that HiDiff is in, or in the repository, where git
 * ignores it: core-tensor looks there. No installation depends on it.
 */
import { spawnSync } from "node:child_process";
import {
  appendFileSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync,
  symlinkSync, unlinkSync, writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const TFJS_VERSION = "4.22.0";
/** The release that was built and measured; others from 2.16 on may work through --wheel. */
const TENSORFLOW_VERSION = "2.21.0";
/** Runs on every Node that the project supports (20.17 and later). */
const NODE_GYP_VERSION = "12.4.0";
/** tfjs-node looks for its addon by Node-API version; 8 is the highest it lists, and Node 20 has 9. */
const NAPI_VERSION = 8;
/** libtensorflow does not depend on Python, so the wheel of another Python does when there is none for the running one. */
const FALLBACK_PYTHON = "3.12";

const helpers = dirname(fileURLToPath(import.meta.url));
const coreTensor = resolve(dirname(fileURLToPath(import.meta.resolve("@hidiff/core-tensor"))), "..");
const prefix = join(homeOf(coreTensor), ".native");
const logFile = join(prefix, "install.log");
const librarySuffix = process.platform === "darwin" ? "2.dylib" : "so.2";

const HELP = `Usage: hidiff doctor --install-native, hidiff doctor --install-native gpu, or in the repository: pnpm native:install [options]

Installs the native TensorFlow.js backend with TensorFlow ${TENSORFLOW_VERSION} into ${prefix}.

  --gpu         install @tensorflow/tfjs-node-gpu (Linux x64, NVIDIA) instead of @tensorflow/tfjs-node
  --wheel FILE  use this TensorFlow wheel instead of downloading one from PyPI
  --strip       strip the libraries: saves about 250 MB of disk, takes some seconds
  --force       install again although it is there
  --help        show this text

Needed: python3 with pip, make, a C++17 compiler, npm. Node's headers are taken from npm_config_nodedir, else from
beside the node executable, else node-gyp downloads them.

Linux x64 is tested. Linux arm64 and macOS arm64 have wheels, but nobody has tried this script there.

With --gpu, TensorFlow needs NVIDIA's CUDA (12.5 or later) and cuDNN (9.3 or later) libraries. The simplest way:
  python3 -m venv .venv && . .venv/bin/activate
  pip install 'tensorflow[and-cuda]==${TENSORFLOW_VERSION}'
  hidiff doctor --install-native gpu
A python3 that has tensorflow installed is linked against, where it is: keep that environment. Otherwise the wheel is
unpacked, and the CUDA libraries must be found through LD_LIBRARY_PATH.
`;

/** The folder whose node_modules a package is in; in the repository, the repository. */
function homeOf(packageFolder) {
  const parts = packageFolder.split(sep);
  const installed = parts.indexOf("node_modules");
  return installed === -1 ? resolve(packageFolder, "..", "..") : parts.slice(0, installed).join(sep);
}

/** An expected failure: printed as one line, without a stack. */
class InstallError extends Error {}

function fail(problem, remedy) {
  throw new InstallError(`${problem}. ${remedy}`);
}

/** Runs a command, its output into the log file; with `required`, anything but success ends the installation. */
function run(command, args, { required, ...spawnOptions } = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28, ...spawnOptions });
  appendFileSync(logFile, `$ ${command} ${args.join(" ")}\n${result.stdout ?? ""}${result.stderr ?? ""}\n`);
  if (required && result.status !== 0) {
    fail(`${required.what} failed (${result.error?.code ?? result.signal ?? `exit ${result.status}`}; see ${logFile})`, required.remedy);
  }
  return { status: result.status, stdout: result.stdout ?? "" };
}

const timings = [];
/** Runs one phase, and notes how long it took. */
function phase(name, work) {
  process.stdout.write(`${name} … `);
  const start = performance.now();
  try {
    const value = work();
    const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`;
    timings.push(`${name} ${seconds}`);
    process.stdout.write(`${seconds}\n`);
    return value;
  } catch (error) {
    process.stdout.write("failed\n");
    throw error;
  }
}

/** The distribution on PyPI whose wheel has libtensorflow for this machine. */
function distributionFor(gpu) {
  const system = `${process.platform}-${process.arch}`;
  if (gpu && system !== "linux-x64") fail(`--gpu is for Linux x64 only, this is ${system}`, "Leave --gpu out.");
  if (system === "linux-x64") return gpu ? "tensorflow" : "tensorflow-cpu";
  if (system === "linux-arm64" || system === "darwin-arm64") return "tensorflow"; // tensorflow-cpu is x64 only
  return fail(`There is no TensorFlow ${TENSORFLOW_VERSION} wheel for ${system}`, "Use the wasm backend: HIDIFF_BACKEND=wasm.");
}

function findPython() {
  for (const command of [process.env.PYTHON, "python3", "python"]) {
    if (command && run(command, ["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).status === 0) return command;
  }
  return fail("No Python 3.8 or later found", "Install python3 (unpacking the wheel and node-gyp need it), or set PYTHON.");
}

function findCompiler() {
  const remedy = "Install the build tools (Debian: apt install build-essential; macOS: xcode-select --install)";
  if (run("make", ["--version"]).status !== 0) fail("No make found", `${remedy}.`);
  for (const command of [process.env.CXX, "g++", "c++", "clang++"]) {
    if (command && run(command, ["--version"]).status === 0) return command;
  }
  return fail("No C++ compiler found", `${remedy}, or set CXX.`);
}

/** Installs the JavaScript of the package, without its install script; a variant installed before stays. */
function installPackages(name) {
  const manifestFile = join(prefix, "package.json");
  const before = existsSync(manifestFile) ? JSON.parse(readFileSync(manifestFile, "utf8")).dependencies : {};
  const dependencies = { ...before, [name]: TFJS_VERSION, "node-gyp": NODE_GYP_VERSION };
  writeFileSync(manifestFile, `${JSON.stringify({ name: "hidiff-native", private: true, dependencies }, null, 2)}\n`);
  unlinkShared(); // npm must not follow the links into the project's own node_modules
  try {
    run("npm", ["install", "--prefix", prefix, "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: prefix,
      required: { what: "npm install", remedy: "npm and the npm registry must be reachable." },
    });
  } finally {
    linkShared(); // a failure must not spoil an earlier installation
  }
}

const SHARED_PACKAGES = ["tfjs-core", "tfjs-backend-cpu"];
const sharedLink = (name) => join(prefix, "node_modules", "@tensorflow", name);

function unlinkShared() {
  for (const link of SHARED_PACKAGES.map(sharedLink)) {
    if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(link);
  }
  // npm's record of the tree would otherwise hide that the packages are gone.
  rmSync(join(prefix, "node_modules", ".package-lock.json"), { force: true });
}

/**
 * Makes tfjs-node use core-tensor's copies: two copies of tfjs-core share their engine through a global, but each would
 * register its kernels and gradients once more, and warn for every one.
 */
function linkShared() {
  unlinkShared();
  for (const name of SHARED_PACKAGES) {
    const target = findShared(name);
    if (target === undefined) {
      console.warn(`core-tensor has no ${name} yet: install its packages, then run this again.`);
      continue;
    }
    const { version } = JSON.parse(readFileSync(join(target, "package.json"), "utf8"));
    if (version !== TFJS_VERSION) fail(`core-tensor has ${name} ${version} instead of ${TFJS_VERSION}`, "Install its packages again.");
    rmSync(sharedLink(name), { recursive: true, force: true });
    mkdirSync(dirname(sharedLink(name)), { recursive: true });
    symlinkSync(relative(dirname(sharedLink(name)), target), sharedLink(name), "dir");
  }
}

function findShared(name) {
  try {
    return dirname(createRequire(join(coreTensor, "_")).resolve(`@tensorflow/${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** Returns the wheel's path: the given one, or one downloaded with pip into `folder`. */
function getWheel(python, distribution, given, folder) {
  if (given !== undefined) return given;
  const download = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", folder, "--disable-pip-version-check", "--quiet"];
  const requirement = `${distribution}==${TENSORFLOW_VERSION}`;
  if (run(python, ["-m", "pip", "--version"]).status !== 0) {
    fail(`${python} has no pip`, "Install it (Debian: apt install python3-pip), or give a wheel file with --wheel FILE.");
  }
  if (run(python, [...download, requirement]).status !== 0) {
    run(python, [...download, "--python-version", FALLBACK_PYTHON, requirement], {
      required: { what: `pip download ${requirement}`, remedy: "PyPI must be reachable (glibc 2.27 or macOS 12 at least), or give a wheel file with --wheel FILE." },
    });
  }
  return join(folder, readdirSync(folder).find((file) => file.endsWith(".whl")));
}

function checkWheelFile(file) {
  const wheel = resolve(process.env.INIT_CWD ?? process.cwd(), file); // pnpm runs scripts in the package's folder
  if (!statSync(wheel, { throwIfNoEntry: false })?.isFile()) fail(`No wheel file ${wheel}`, "Give the path of a TensorFlow wheel (.whl).");
  return wheel;
}

function unpackWheel(python, wheel, deps) {
  const { status } = run(python, [join(helpers, "unpack-wheel.py"), wheel, deps, librarySuffix]);
  if (status === 3) fail(`${wheel} is not a wheel`, "Give a TensorFlow wheel (.whl), complete and as PyPI serves it.");
  if (status === 4) fail(`${wheel} has no TensorFlow libraries for ${process.platform}`, `Give a wheel of tensorflow or tensorflow-cpu for ${process.platform}-${process.arch}.`);
  if (status !== 0) fail(`Unpacking ${wheel} failed (see ${logFile})`, "Is the disk full? About 1 GB is needed.");
}

function stripLibraries(deps) {
  for (const library of ["cc", "framework"]) {
    const file = join(deps, "lib", `libtensorflow_${library}.${librarySuffix}`);
    const flag = process.platform === "darwin" ? "-x" : "--strip-unneeded";
    run("strip", [flag, file], { required: { what: "strip", remedy: "Leave --strip out." } });
  }
}

/** The folder of a `tensorflow` that is installed for this Python, or undefined. */
function findInstalledTensorflow(python) {
  const script = "import importlib.metadata as m, importlib.util as u; print(m.version('tensorflow')); print(u.find_spec('tensorflow').submodule_search_locations[0])";
  const { status, stdout } = run(python, ["-c", script]);
  const [version, folder] = stdout.trim().split("\n");
  if (status !== 0 || !folder || !existsSync(join(folder, `libtensorflow_cc.${librarySuffix}`))) return undefined;
  console.log(`linking against TensorFlow ${version} in ${folder}`);
  if (!existsSync(join(folder, "..", "nvidia", "cudnn"))) {
    console.warn(`It has no CUDA libraries beside it: pip install 'tensorflow[and-cuda]==${version}', or set LD_LIBRARY_PATH.`);
  }
  return folder;
}

/**
 * Names the libraries as binding.gyp wants them: libtensorflow, libtensorflow_framework. The linker follows these names
 * once; at run time the libraries are found under their own (SO)names in `libraryFolder`.
 */
function nameLibraries(deps, libraryFolder) {
  mkdirSync(join(deps, "lib"), { recursive: true });
  for (const [from, to] of [["libtensorflow_cc", "libtensorflow"], ["libtensorflow_framework", "libtensorflow_framework"]]) {
    const link = process.platform === "darwin" ? `${to}.2.dylib` : `${to}.so`;
    const target = `${from}.${librarySuffix}`;
    if (target !== link) symlinkSync(join(libraryFolder ?? "", target), join(deps, "lib", link));
  }
}

/** The prefix that has include/node, or undefined if node-gyp must download the headers. */
function findNodeHeaders() {
  const candidates = [process.env.npm_config_nodedir, dirname(dirname(process.execPath))];
  return candidates.find((folder) => folder && existsSync(join(folder, "include", "node", "node_api.h")));
}

/** Builds `<staging>/lib/napi-v8/tfjs_binding.node` from the package's own sources, unpatched. */
function buildBinding(packageFolder, staging, tools, libraryFolder) {
  for (const entry of ["binding", "binding.gyp"]) cpSync(join(packageFolder, entry), join(staging, entry), { recursive: true });
  writeFileSync(join(staging, "package.json"), "{}\n");
  // TensorFlow finds the CUDA libraries relative to its own folder: an absolute rpath, not links to the files. On macOS
  // binding.gyp sets none for libtensorflow_cc's name.
  const rpath = libraryFolder ?? (process.platform === "darwin" ? "@loader_path/../../deps/lib" : undefined);
  const ldflags = [process.env.LDFLAGS, rpath === undefined ? undefined : `-Wl,-rpath,'${rpath}'`].filter(Boolean).join(" ");
  const headers = findNodeHeaders();
  run(process.execPath, [
    join(prefix, "node_modules", "node-gyp", "bin", "node-gyp.js"), "rebuild",
    `--jobs=${Math.min(2, availableParallelism())}`, "--module_name=tfjs_binding",
    `--module_path=${join(staging, "lib", `napi-v${NAPI_VERSION}`)}`, `--napi_build_version=${NAPI_VERSION}`,
  ], {
    cwd: staging,
    env: { ...process.env, CXX: tools.compiler, npm_config_python: tools.python, npm_config_nodedir: headers, LDFLAGS: ldflags },
    required: {
      what: "node-gyp",
      remedy: headers === undefined
        ? "If it could not download Node's headers, set npm_config_nodedir to a prefix that has include/node."
        : "A compiler with C++17 (g++ 9, clang 10 or later) is needed, and a wheel for this processor.",
    },
  });
}

/** Moves the finished parts into the package; the addon goes last, for its presence means "installed". */
function putInPlace(packageFolder, staging) {
  for (const folder of ["lib", "deps"]) rmSync(join(packageFolder, folder), { recursive: true, force: true });
  for (const folder of ["deps", "lib"]) renameSync(join(staging, folder), join(packageFolder, folder));
}

/** Folders of runs that were interrupted. */
function removeStale() {
  for (const name of readdirSync(prefix).filter((entry) => entry.startsWith("staging-"))) {
    try {
      process.kill(Number(name.slice("staging-".length)), 0); // throws if that process is gone
    } catch {
      rmSync(join(prefix, name), { recursive: true, force: true });
    }
  }
}

function selfTest(name, gpu) {
  const { status, stdout } = run(process.execPath, [join(helpers, "self-test.cjs"), prefix, name], {
    env: { TF_CPP_MIN_LOG_LEVEL: "2", ...process.env },
    timeout: 120_000,
  });
  const lines = stdout.trim().split("\n");
  const report = status === 0 ? JSON.parse(lines[lines.length - 1]) : { ok: false };
  if (!report.ok) {
    fail(`${name} is built but does not work (exit ${status}; see ${logFile})`, `Remove ${prefix} and install again.`);
  }
  if (gpu && !report.gpu) console.warn("No GPU is used: check nvidia-smi, and that the CUDA and cuDNN libraries are found (--help).");
  return report;
}

function install(options, name, packageFolder) {
  // node-gyp's makefiles cannot quote it.
  if (prefix.includes(" ")) fail(`The path ${prefix} has a space in it, which make cannot build in`, "Move the project.");
  const gpu = options.gpu === true;
  const distribution = distributionFor(gpu);
  const given = options.wheel === undefined ? undefined : checkWheelFile(options.wheel);
  const tools = { python: findPython(), compiler: findCompiler() };
  const staging = join(prefix, `staging-${process.pid}`);
  const deps = join(staging, "deps");
  mkdirSync(deps, { recursive: true });
  try {
    phase("npm packages", () => installPackages(name));
    const libraryFolder = gpu && given === undefined ? findInstalledTensorflow(tools.python) : undefined;
    if (libraryFolder === undefined) {
      const wheel = phase("TensorFlow wheel", () => getWheel(tools.python, distribution, given, join(staging, "wheel")));
      phase("unpacking", () => unpackWheel(tools.python, wheel, deps));
      if (options.strip) phase("stripping", () => stripLibraries(deps));
    } else {
      symlinkSync(join(libraryFolder, "include"), join(deps, "include"), "dir");
    }
    nameLibraries(deps, libraryFolder);
    phase("building the addon", () => buildBinding(packageFolder, staging, tools, libraryFolder));
    putInPlace(packageFolder, staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function parseOptions() {
  const flag = { type: "boolean" };
  return parseArgs({ options: { gpu: flag, wheel: { type: "string" }, strip: flag, force: flag, help: flag } }).values;
}

function main(options) {
  if (options.help) return void process.stdout.write(HELP);
  const name = options.gpu ? "@tensorflow/tfjs-node-gpu" : "@tensorflow/tfjs-node";
  const packageFolder = join(prefix, "node_modules", name);
  const installed = existsSync(join(packageFolder, "lib", `napi-v${NAPI_VERSION}`, "tfjs_binding.node"));
  mkdirSync(prefix, { recursive: true });
  writeFileSync(logFile, "");
  removeStale();
  if (installed && !options.force) {
    console.log(`${name} is already installed (--force installs it again).`);
    linkShared();
  } else {
    install(options, name, packageFolder);
  }
  const report = phase("self-test", () => selfTest(name, options.gpu === true));
  console.log(`${name} ${TFJS_VERSION} works with TensorFlow ${report.tensorflow} on the ${report.gpu ? "GPU" : "CPU"} (${timings.join(", ")}).`);
}

try {
  main(parseOptions());
} catch (error) {
  const usage = error.code?.startsWith("ERR_PARSE_ARGS") ?? false;
  if (!usage && !(error instanceof InstallError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = usage ? 2 : 1;
}
