/**
 * Names that options and arguments take besides what the commands themselves list as choices. They stand here, for the
 * packages that know them load tensor libraries, which would make completion slow; a test compares them.
 */
export const knownNames: Readonly<Record<string, readonly string[]>> = {
  "--preset": [
    "demo",
    "folder-small",
    "folder-volumes-small",
    "drive-small",
    "kvasir-small",
    "hippocampus-small",
    "drive",
    "chase-db1",
    "kvasir-seg",
    "cvc-clinicdb",
    "synapse",
    "brats2021",
    "msd",
    "msd-hippocampus",
    "folder-images",
    "folder-volumes",
  ],
  "--dataset": ["drive", "chase-db1", "kvasir-seg", "cvc-clinicdb", "synapse", "brats2021", "msd", "folder"],
};
