import { parentPort, workerData } from "node:worker_threads";
import { createBatchSource } from "./batches/batch-source.ts";
import { type BatchReply, type BatchRequest, toPlainError, type WorkerSetup } from "./batches/worker-protocol.ts";
import { openDataset } from "./node-datasets.ts";

// The thread of `createWorkerBatchSource`: it answers each request with a batch or an error.

const { spec, options } = workerData as WorkerSetup;
const source = openDataset(spec).then((dataset) => createBatchSource(dataset, { ...options, prefetch: 0 }));
source.catch(() => undefined); // told with each request

parentPort!.on("message", async ({ request, step }: BatchRequest) => {
  try {
    const batch = await (await source).batch(step);
    const reply: BatchReply = { request, batch };
    parentPort!.postMessage(reply, [batch.images.buffer as ArrayBuffer, batch.masks.buffer as ArrayBuffer]);
  } catch (error) {
    const reply: BatchReply = { request, error: toPlainError(error) };
    parentPort!.postMessage(reply);
  }
});
