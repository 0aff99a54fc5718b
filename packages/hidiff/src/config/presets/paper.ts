import type { ConfigurationInput } from "../schema.ts";

/** For the paper's presets: nobody should start them on a laptop by mistake. */
export const paperTime = "40,000 iterations: for a large GPU";

/**
 * The paper's training (HiDiff §IV-B): the refiner of width 128, 40,000 iterations of 32 crops of 256×256 pixels. These are
 * the defaults of a configuration. A batch is computed in parts of four crops, which take about 23 GB on the native backend.
 */
export const paperTraining: ConfigurationInput["training"] = {
  batchSize: 32,
  microBatchSize: 4,
  cropSize: 256,
  alternating: { iterations: 40_000 },
  validationInterval: 2000,
  checkpointInterval: 1000,
};
