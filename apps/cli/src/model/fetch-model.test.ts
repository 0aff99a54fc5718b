import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BundleContents, bundleFiles, zipBundle } from "hidiff";
import { loadBundle, readBundle } from "hidiff/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cachedModels, cacheFolder, removeModel } from "./cache.ts";
import { fetchModel } from "./fetch-model.ts";
import { findModel, knownModels } from "./find-model.ts";
import { tinyBundle } from "./testing.ts";

let cache = "";
let files: BundleContents = {};
let archive: Uint8Array = new Uint8Array();
let server: Server;
let host = "";
const requests: string[] = [];

const routes: Record<string, RequestListener> = {
  "/models/tiny.zip": (_request, response) => response.end(archive),
  "/moved/tiny.zip": (_request, response) => response.writeHead(302, { location: "/models/tiny.zip" }).end(),
  "/cut/tiny.zip": (_request, response) => {
    response.writeHead(200, { "content-length": archive.length });
    response.write(archive.subarray(0, 1000), () => response.destroy());
  },
  "/short/tiny.zip": (_request, response) => response.end(archive.subarray(0, archive.length - 30)),
  "/silent/tiny.zip": (_request, response) => void response.writeHead(200, { "content-length": archive.length }).write(archive.subarray(0, 1000)),
  "/wrong/tiny.zip": (_request, response) => {
    const damaged = { ...files, [bundleFiles.segmentor]: files[bundleFiles.segmentor]!.map((byte, index) => (index === 5000 ? byte ^ 1 : byte)) };
    response.end(zipBundle(damaged));
  },
};

beforeAll(async () => {
  files = await tinyBundle();
  archive = zipBundle(files);
  server = createServer((request, response) => {
    const path = request.url!.split("?")[0]!;
    requests.push(path);
    const file = path.startsWith("/folder/tiny/") ? files[path.slice("/folder/tiny/".length)] : undefined;
    if (file !== undefined) response.end(file);
    else (routes[path] ?? ((_request, missing) => missing.writeHead(404).end()))(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "hidiff-cache-"));
  requests.length = 0;
});
afterEach(() => rm(cache, { recursive: true, force: true }));

const options = (): { cache: string; offline: boolean; timeoutSeconds: number } => ({ cache, offline: false, timeoutSeconds: 5 });

it.each([
  [{ HIDIFF_CACHE: "/elsewhere", XDG_CACHE_HOME: "/x" }, "linux", "/elsewhere"],
  [{ XDG_CACHE_HOME: "/x" }, "linux", "/x/hidiff"],
  [{}, "linux", "/home/me/.cache/hidiff"],
  [{ XDG_CACHE_HOME: "/x" }, "darwin", "/home/me/Library/Caches/hidiff"],
  [{ LOCALAPPDATA: "/local" }, "win32", "/local/hidiff"],
  [{}, "win32", "/home/me/AppData/Local/hidiff"],
] as const)("the cache of %j on %s is %s", (environment, platform, expected) => {
  expect(cacheFolder(environment, platform, "/home/me")).toBe(expected);
});

describe("fetchModel", () => {
  it.each(["/models/tiny.zip", "/moved/tiny.zip", "/folder/tiny", "/folder/tiny/?key=1/2"])("keeps the model of %s, whose files are those of the server", async (path) => {
    const model = await fetchModel(host + path, options());
    expect(model).toEqual({ name: "tiny", url: host + path, path: join(cache, "models", "tiny", "bundle") });
    expect(await cachedModels(cache)).toEqual([model]);
    const found = await readBundle(model.path);
    expect(Object.keys(found).toSorted()).toEqual(Object.keys(files).toSorted());
    for (const [name, bytes] of Object.entries(found)) expect(Buffer.compare(bytes, files[name]!), name).toBe(0);
    (await loadBundle(model.path)).dispose();
  });

  it.each([
    ["/nothing/tiny.zip", "model.download", /the server answered 404/],
    ["/cut/tiny.zip", "model.download", /the connection failed/],
    ["/short/tiny.zip", "bundle.zip", /not a complete zip/],
    ["/wrong/tiny.zip", "bundle.checksum", /segmentor\.safetensors does not have the checksum/],
    ["/nothing/tiny", "model.download", /hidiff\.json: the server answered 404/],
  ])("of %s fails, and leaves nothing", async (path, code, message) => {
    await expect(fetchModel(host + path, options())).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(await readdir(cache, { recursive: true })).toEqual([]);
  });

  it("gives up where nothing comes any more", async () => {
    const fetching = fetchModel(`${host}/silent/tiny.zip`, { ...options(), timeoutSeconds: 0.2 });
    await expect(fetching).rejects.toMatchObject({ code: "model.download", message: expect.stringMatching(/nothing came for 0\.2 s/) });
  });

  it.each(["http://", "http://example.org", "https://example.org/a%20b.zip"])("refuses %s, which names no model", async (url) => {
    await expect(fetchModel(url, options())).rejects.toMatchObject({ code: "usage.option", message: expect.stringMatching(/does not end in a name/) });
  });

  it("says that a server cannot be reached", async () => {
    await expect(fetchModel("http://127.0.0.1:1/tiny.zip", options())).rejects.toMatchObject({ code: "model.download", message: expect.stringMatching(/the connection failed/) });
  });

  it("checks the checksum that it is given", async () => {
    const url = `${host}/models/tiny.zip`;
    const right = createHash("sha256").update(archive).digest("hex");
    await fetchModel(url, { ...options(), sha256: right.toUpperCase() });
    await removeModel("tiny", cache);
    await expect(fetchModel(url, { ...options(), sha256: "0".repeat(64) })).rejects.toMatchObject({ code: "model.checksum", message: expect.stringContaining(right) });
    expect(await readdir(join(cache, "models"))).toEqual([]);
  });

  it("keeps the old model if it is fetched again in vain, and does not mix up two of one name", async () => {
    const model = await fetchModel(`${host}/models/tiny.zip`, options());
    const kept = archive;
    archive = archive.subarray(0, 5000);
    await expect(fetchModel(model.url, options())).rejects.toMatchObject({ code: "bundle.zip" });
    archive = kept;
    (await loadBundle(model.path)).dispose();
    await expect(fetchModel(`${host}/moved/tiny.zip`, options())).rejects.toMatchObject({ code: "model.exists", message: expect.stringMatching(/hidiff model remove tiny/) });
  });

  it("fetches nothing offline, and says how to go on", async () => {
    const fetching = fetchModel(`${host}/models/tiny.zip`, { ...options(), offline: true });
    await expect(fetching).rejects.toMatchObject({ code: "model.offline", message: expect.stringMatching(/HIDIFF_OFFLINE.*give the path/) });
    expect(requests).toEqual([]);
  });
});

describe("findModel", () => {
  it("fetches a URL once, then takes the cache's, offline too", async () => {
    const url = `${host}/models/tiny.zip`;
    const first = await findModel(url, options());
    expect(await findModel(url, { ...options(), offline: true })).toEqual(first);
    expect(await findModel("tiny", { ...options(), offline: true })).toEqual(first);
    expect(requests).toEqual(["/models/tiny.zip"]);
  });

  it("lists shipped models before fetched ones, of which it hides those of the same name", async () => {
    const { writeBundle } = await import("hidiff/node");
    const shipped = join(cache, "shipped");
    for (const name of ["vessels", "tiny"]) await writeBundle(join(shipped, name), files);
    await fetchModel(`${host}/models/tiny.zip`, options());
    const known = await knownModels({ shipped, cache });
    expect(known).toEqual([
      { name: "tiny", path: join(shipped, "tiny"), source: "shipped" },
      { name: "vessels", path: join(shipped, "vessels"), source: "shipped" },
    ]);
    expect(await findModel("vessels", { shipped, cache })).toEqual({ path: join(shipped, "vessels"), run: undefined });
    await expect(findModel("vesels", { shipped, cache })).rejects.toMatchObject({
      code: "model.unknown",
      message: 'There is no model "vesels": no such path, and no model of that name. Did you mean "vessels"? Known: tiny, vessels.',
    });
    await expect(findModel("runs/vessels", { shipped, cache })).rejects.toMatchObject({ code: "model.missing" });
    await expect(findModel(shipped, { shipped, cache })).rejects.toMatchObject({ code: "model.missing", message: expect.stringMatching(/has no hidiff\.json/) });
  });
});
