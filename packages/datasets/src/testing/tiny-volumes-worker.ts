import { workerData } from "node:worker_threads";
import "./register-tiny-volumes.ts";

if ((workerData as { spec: { name: string } }).spec.name === "crashing") {
  setTimeout(() => {
    throw new Error("out of order");
  }, 0);
} else {
  await import("../batch-worker.ts");
}
