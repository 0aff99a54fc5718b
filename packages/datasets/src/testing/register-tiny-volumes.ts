import { datasetRegistry } from "../node-datasets.ts";
import { tinyVolumes, tinyVolumesEntry } from "./tiny-volumes.ts";

// Data sets that are known to tests only: small volumes, and one whose worker threads crash.
datasetRegistry.register("tiny-volumes", tinyVolumesEntry);
datasetRegistry.register("crashing", { options: [], open: () => tinyVolumes({ depths: [3, 1] }) });
