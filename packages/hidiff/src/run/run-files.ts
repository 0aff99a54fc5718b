/** The files of a run folder. */
export const runFiles = {
  configuration: "configuration.json",
  /** All that the training changes, as of the last checkpoint: where a resumed run goes on. */
  checkpoint: "checkpoint.safetensors",
  /** The parameters of the best look at validation images. Not written without those. */
  best: "best.safetensors",
  /** What happened, for people; grows with every start. */
  log: "log.txt",
  /** A {@link RunRecord} a line. */
  metrics: "metrics.jsonl",
  /** The iterations as a table. */
  iterations: "metrics.csv",
  /** The looks at validation crops as a table. */
  validations: "validation.csv",
  /** For TensorBoard, a file a start. */
  events: "events",
  /** Validation crops with their masks. */
  pictures: "pictures",
  /** Preprocessed slices of volumes; may be deleted. */
  slices: "slices",
  bundle: "bundle",
} as const;
