export { readImage } from "./raster/read-image.ts";
export { readMask, type RasterMask, type ReadMaskOptions } from "./raster/read-mask.ts";
export { writePng } from "./raster/write-png.ts";
export { type DriveOptions, openDrive } from "./loaders/drive.ts";
export { datasetRegistry, openDataset } from "./node-datasets.ts";
export { createWorkerBatchSource } from "./batches/worker-batch-source.ts";
