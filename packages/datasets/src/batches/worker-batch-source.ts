import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { openDataset } from "../node-datasets.ts";
import type { DatasetSpec } from "../registry.ts";
import type { Batch, BatchSource } from "../types.ts";
import { createBatchSource } from "./batch-source.ts";
import { type BatchSourceOptions, checkBatchSourceOptions } from "./options.ts";
import { Prefetcher } from "./prefetcher.ts";
import { type BatchReply, type BatchRequest, fromPlainError, type WorkerSetup } from "./worker-protocol.ts";

/**
 * The batches of `createBatchSource`, made in another thread while the caller's computes: the same options give the same
 * batches. An idle source does not keep the process alive; `close` ends its thread.
 *
 * Where the built worker is not at hand (the package runs from its TypeScript sources), the work is done in the calling
 * thread instead.
 *
 * @param spec a data set of the node registry; one that was registered at run time is unknown to the other thread
 * @throws `datasets.option` for options out of range. What the data set throws, `batch` rejects with; `datasets.worker`
 * where the thread ended by itself.
 */
export async function createWorkerBatchSource(spec: DatasetSpec, options: BatchSourceOptions): Promise<BatchSource> {
  checkBatchSourceOptions(options);
  // Beside this module in the built package, whichever of its files this code ended up in.
  const script = new URL("./batch-worker.js", import.meta.url);
  if (existsSync(fileURLToPath(script))) return startBatchWorker(script, { spec, options });
  return createBatchSource(await openDataset(spec), options);
}

interface Waiting {
  resolve(batch: Batch): void;
  reject(error: HidiffError): void;
}

/** A batch source whose batches come from the worker `script`. */
export function startBatchWorker(script: URL, setup: WorkerSetup): BatchSource {
  // Without the process's own flags: a loader or resolve condition for TypeScript sources is not meant for built code.
  const worker = new Worker(script, { workerData: setup, execArgv: [] });
  const waiting = new Map<number, Waiting>();
  let requests = 0;
  let awaited = 0;
  let ended: HidiffError | undefined;

  const end = (error: HidiffError): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on("message", (reply: BatchReply) => {
    const asker = waiting.get(reply.request);
    waiting.delete(reply.request);
    if ("batch" in reply) asker?.resolve(reply.batch);
    else asker?.reject(fromPlainError(reply.error));
  });
  worker.on("error", (error) => {
    end(new HidiffError("datasets.worker", `batch: the batch worker failed: ${String(error)}.`, { cause: error }));
  });
  worker.on("exit", (code) => {
    end(new HidiffError("datasets.worker", `batch: the batch worker ended with exit code ${code}; create another source.`));
  });
  worker.unref();

  const prefetcher = new Prefetcher(
    (step) =>
      new Promise<Batch>((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended);
          return;
        }
        const message: BatchRequest = { request: requests++, step };
        waiting.set(message.request, { resolve, reject });
        worker.postMessage(message);
      }),
    { ahead: setup.options.prefetch ?? 3, start: "immediately" },
  );
  return {
    batch: async (step) => {
      // Only a batch that somebody waits for keeps the process alive.
      if (awaited++ === 0) worker.ref();
      try {
        return await prefetcher.take(step);
      } finally {
        if (--awaited === 0) worker.unref();
      }
    },
    close: async () => {
      prefetcher.close();
      end(new HidiffError("datasets.closed", "batch: this source is closed; create another one."));
      await worker.terminate();
    },
  };
}
