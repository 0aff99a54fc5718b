import { createHash } from "node:crypto";
import type { BundleManifest, HiDiff, InferenceOptions } from "hidiff";
import { ownVersion } from "../versions.ts";
import type { ResultOptions } from "./write-results.ts";

/** What determines the results of a case beside its files. */
export interface CaseSettings extends ResultOptions {
  readonly inference: InferenceOptions;
  readonly seed: number;
  /** Of images, in millimetres; default: as the file tells. */
  readonly pixelSize?: number;
}

/** The SHA-256 of {@link CaseSettings} and the model. The backend is not among them: it changes results by rounding only. */
export function settingsChecksum({ manifest, engine }: HiDiff, settings: CaseSettings): string {
  const { inference, seed, overlay, probability, uncertainty, format, pixelSize } = settings;
  return sha256(JSON.stringify([ownVersion, modelChecksum(manifest), engine, Object.entries(inference).sort(), seed, overlay, probability, uncertainty, format, pixelSize]));
}

/** Tells models apart: the SHA-256 of the checksums of their files. */
export function modelChecksum({ checksums }: BundleManifest): string {
  return sha256(JSON.stringify(Object.entries(checksums).sort()));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
