import { parentPort, workerData } from "node:worker_threads";
import { createBatchSource } from "./batches/batch-source.ts";
import { openCases } from "./batches/open-cases.ts";
import { sampleSource } from "./batches/prepare-samples.ts";
import { toPlainError, type WorkerQuestion, type WorkerReply, type WorkerRequest, type WorkerSetup } from "./batches/worker-protocol.ts";
import { openWithPriors } from "./priors/open-with-priors.ts";
import type { Batch, BatchSource } from "./types.ts";

// A thread of `createWorkerBatchSource`: it answers each request with what was asked for, or an error.

const setup = workerData as WorkerSetup;
const opened = openWithPriors(setup.spec, setup.priors).then((dataset) => ({ dataset, cases: openCases(dataset, setup) }));
opened.catch(() => undefined); // told with each request
let source: BatchSource | undefined;

async function answer(question: WorkerQuestion): Promise<unknown> {
  const { dataset, cases } = await opened;
  switch (question.ask) {
    case "summarize":
      return cases.summarize(question.id, question.thorough);
    case "start":
      source = createBatchSource(sampleSource(dataset, cases, question.index), { ...setup.options, prefetch: 0 });
      return undefined;
    case "batch":
      return source!.batch(question.step);
  }
}

parentPort!.on("message", async ({ request, question }: WorkerRequest) => {
  try {
    const reply: WorkerReply = { request, answer: await answer(question) };
    const batch = question.ask === "batch" ? (reply.answer as Batch) : undefined;
    const arrays = batch === undefined ? [] : [batch.images, batch.masks, batch.priors].filter((array) => array !== undefined);
    parentPort!.postMessage(reply, arrays.map(({ buffer }) => buffer as ArrayBuffer));
  } catch (error) {
    const reply: WorkerReply = { request, error: toPlainError(error) };
    parentPort!.postMessage(reply);
  }
});
