import { register } from "tsx/esm/api";

// Batch workers from the TypeScript sources: flags of the process do not give a thread the loader.
register();
await import("./tiny-volumes-worker.ts");
