import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";

const types: Readonly<Record<string, string>> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json" };

export interface Site {
  /** `http://…`, without a path. */
  readonly address: string;
  /** What the page posts to `/result`; rejected by what it posts to `/failure`. */
  readonly result: Promise<Uint8Array>;
  close(): void;
}

/** Serves files, by path, on a free port of this machine, each with `headers`. */
export async function serve(files: Readonly<Record<string, string | Uint8Array>>, headers: Readonly<Record<string, string>>): Promise<Site> {
  const { promise: result, resolve, reject } = deferred<Uint8Array>();
  const server = createServer(async (request, response) => {
    const { pathname: path } = new URL(request.url!, "http://localhost");
    if (request.method === "POST") {
      const body = Buffer.concat(await request.toArray());
      if (path === "/result") resolve(body);
      else reject(new Error(`The page failed: ${body.toString()}`));
      response.end();
      return;
    }
    const content = files[path];
    response.writeHead(content === undefined ? 404 : 200, { ...headers, "Content-Type": types[extname(path)] ?? "application/octet-stream" });
    response.end(content);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    result,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  promise.catch(() => undefined); // whoever waits for it learns of it
  return { promise, resolve, reject };
}
