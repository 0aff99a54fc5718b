/** How much of a class was found in a case. */
export interface ClassResult {
  readonly name: string;
  readonly label: number;
  /** Pixels of an image, voxels of a volume. */
  readonly voxels: number;
  /** Of volumes. */
  readonly millilitres?: number;
  /** Of images whose pixel size is known. */
  readonly squareMillimetres?: number;
  /** Over the class's voxels, where the map is written. */
  readonly meanProbability?: number;
  readonly meanUncertainty?: number;
}

/** What was made of a case. */
export interface CaseResult {
  readonly width: number;
  readonly height: number;
  /** Of volumes. */
  readonly depth?: number;
  readonly seconds: number;
  readonly classes: readonly ClassResult[];
  /** Their names in the folder of the results; the first is the mask. */
  readonly files: readonly string[];
}

/** What became of one input. */
export type InputResult = {
  readonly case: string;
  readonly input: string;
  readonly channels?: readonly string[];
  readonly prior?: string;
  readonly sha256?: string;
  /** Whether an earlier run had done it. */
  readonly doneBefore?: true;
} & (CaseResult | { readonly error: string });
