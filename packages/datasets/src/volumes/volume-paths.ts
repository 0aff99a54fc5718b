/** The names of volume files. */
export const volumeExtensions: readonly string[] = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"];

/** Whether a file's name is that of a volume. Folders of DICOM files, which `readVolume` takes too, are not looked into. */
export function isVolumePath(path: string): boolean {
  const lower = path.toLowerCase();
  return volumeExtensions.some((extension) => lower.endsWith(extension));
}
