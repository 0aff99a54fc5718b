import { Worker } from "node:worker_threads";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fromPlainError, type WorkerQuestion, type WorkerReply, type WorkerRequest, type WorkerSetup } from "./worker-protocol.ts";

interface Asker {
  resolve(answer: unknown): void;
  reject(error: HidiffError): void;
}

/** A thread that answers questions on a data set. It keeps the process alive only while somebody waits. */
export class WorkerThread {
  readonly #worker: Worker;
  readonly #askers = new Map<number, Asker>();
  #requests = 0;
  #waiting = 0;
  #ended: HidiffError | undefined;

  /**
   * @param label names the thread in errors
   * @param execArgv flags of the thread. Not the process's own: a loader or resolve condition for TypeScript sources is not
   * meant for built code
   */
  constructor(script: URL, setup: WorkerSetup, label: string, execArgv: readonly string[]) {
    this.#worker = new Worker(script, { workerData: setup, execArgv: [...execArgv] });
    this.#worker.on("message", (reply: WorkerReply) => {
      const asker = this.#askers.get(reply.request);
      this.#askers.delete(reply.request);
      if ("error" in reply) asker?.reject(fromPlainError(reply.error));
      else asker?.resolve(reply.answer);
    });
    this.#worker.on("error", (error) => {
      this.#end(new HidiffError("datasets.worker", `batch: ${label} failed: ${String(error)}.`, { cause: error }));
    });
    this.#worker.on("exit", (code) => {
      this.#end(new HidiffError("datasets.worker", `batch: ${label} ended with exit code ${code}; create another source.`));
    });
    this.#worker.unref();
  }

  /** Rejects with the error of the other side, or with `datasets.worker` where the thread has ended by itself. */
  ask<T>(question: WorkerQuestion): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      const message: WorkerRequest = { request: this.#requests++, question };
      this.#askers.set(message.request, { resolve: resolve as (answer: unknown) => void, reject });
      this.#worker.postMessage(message);
    });
  }

  /** Keeps the process alive until `work` is done. */
  async whileWaiting<T>(work: Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#worker.ref();
    try {
      return await work;
    } finally {
      if (--this.#waiting === 0) this.#worker.unref();
    }
  }

  /** Ends the thread; what is asked rejects with `datasets.closed`. */
  async close(): Promise<void> {
    this.#end(new HidiffError("datasets.closed", "batch: this source is closed; create another one."));
    await this.#worker.terminate();
  }

  #end(error: HidiffError): void {
    this.#ended ??= error;
    for (const { reject } of this.#askers.values()) reject(this.#ended);
    this.#askers.clear();
  }
}
