/**
 * The last frame of each sequence of CVC-ClinicDB (Bernal et al. 2015): sequences are consecutive frames, the first starts
 * at frame 1. As listed with the data set by the MICCAI 2015 endoscopic vision challenge, and again by Dataset Ninja
 * (cvc-612): 29 ranges. Texts that count 31 sequences list no other ranges.
 */
export const cvcClinicDbSequenceEnds: readonly number[] = [
  25, 50, 67, 78, 103, 126, 151, 177, 199, 205, 227, 252, 277, 297, 317, 342, 363, 383, 408, 428, 447, 466, 478, 503, 528, 546, 571, 591, 612,
];

/** The number of the sequence, from 1, that a frame (1 … 612) belongs to; undefined for other numbers. */
export function cvcClinicDbSequence(frame: number): number | undefined {
  if (!Number.isInteger(frame) || frame < 1) return undefined;
  const index = cvcClinicDbSequenceEnds.findIndex((end) => frame <= end);
  return index < 0 ? undefined : index + 1;
}
