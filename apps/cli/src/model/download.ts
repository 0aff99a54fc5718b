import { HidiffError } from "@hidiff/core-tensor/errors";

interface DownloadOptions {
  /** Called with the bytes that have come, and how many there will be, if the server says so. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined;
  /** After so long without a byte, the download fails. Default: 30. */
  readonly timeoutSeconds?: number | undefined;
}

/**
 * The bytes at a URL. Redirections are followed.
 *
 * @throws HidiffError `model.download`
 */
export async function download(url: string, { onProgress, timeoutSeconds = 30 }: DownloadOptions = {}): Promise<Uint8Array> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(), 1000 * timeoutSeconds);
  };
  const fail = (what: string, cause?: unknown): HidiffError =>
    new HidiffError("model.download", `Cannot download ${url}: ${what}. If it does not come at another try, fetch the .zip another way, and give its path.`, { cause });
  const interrupted = (error: unknown): HidiffError =>
    fail(controller.signal.aborted ? `nothing came for ${timeoutSeconds} s` : `the connection failed (${reasonOf(error)})`, error);
  try {
    wait();
    const response = await fetch(url, { signal: controller.signal }).catch((error: unknown) => {
      throw interrupted(error);
    });
    if (!response.ok) throw fail(`the server answered ${response.status}${response.statusText === "" ? "" : ` ${response.statusText}`}`);
    // what is unpacked on the way has another length than the server says
    const length = response.headers.get("content-encoding") === null ? response.headers.get("content-length") : null;
    const total = length === null ? undefined : Number(length);
    const parts: Uint8Array[] = [];
    let done = 0;
    try {
      for await (const part of response.body ?? []) {
        wait();
        parts.push(part);
        done += part.length;
        onProgress?.(done, total);
      }
    } catch (error) {
      throw interrupted(error);
    }
    if (total !== undefined && done !== total) throw fail(`it ended after ${done} of ${total} bytes`);
    return Buffer.concat(parts);
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error && cause.message !== "" ? cause.message : error instanceof Error ? error.message : String(error);
}
