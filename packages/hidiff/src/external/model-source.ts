import type { MaskPredictor } from "@hidiff/segmentors";

/** The model of another runtime, in files: what a segmentor is made of, and what a bundle keeps of it. */
export interface ModelSource {
  open(): Promise<MaskPredictor>;
  /** The files as a bundle keeps them, by name, and the one that the option `model` names then. */
  files(): Promise<{ readonly model: string; readonly files: Readonly<Record<string, Uint8Array>> }>;
  /** Frees what {@link open} made. */
  dispose(): void;
}
