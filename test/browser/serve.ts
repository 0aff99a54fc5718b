import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
};

interface Site {
  /** `http://…`, without a path. */
  readonly address: string;
  /** What the page posts to `/result`; rejected by what it posts to `/failure`. */
  readonly result: Promise<Uint8Array>;
  close(): void;
}

/** Serves files, by path, on a free port of this machine, each with `headers`. */
export async function serve(
  files: Readonly<Record<string, string | Uint8Array>>,
  headers: Readonly<Record<string, string>>,
): Promise<Site> {
  const posted = new EventEmitter();
  const server = createServer(async (request, response) => {
    const { pathname: path } = new URL(request.url!, "http://localhost");
    if (request.method === "POST") posted.emit(path, Buffer.concat(await request.toArray()));
    const content = request.method === "POST" ? "" : files[path];
    const type = types[extname(path)] ?? "application/octet-stream";
    response.writeHead(content === undefined ? 404 : 200, { ...headers, "Content-Type": type }).end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const result = new Promise<Uint8Array>((resolve, reject) => {
    posted.once("/result", resolve);
    posted.once("/failure", (text: Buffer) => reject(new Error(`The page failed: ${text.toString()}`)));
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    result,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
