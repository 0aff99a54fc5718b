/** The file name extensions of volumes that are written. */
export const volumeFormats = ["nii.gz", "nii", "nrrd", "mha"] as const;
export type VolumeFormat = (typeof volumeFormats)[number];
