/**
 * The split of the 30 labelled abdominal CTs of BTCV ("Synapse multi-organ") that TransUNet published (Chen et al. 2021)
 * and the literature follows: 18 training cases, given with their numbers of axial slices (2211 in total), and 12 test
 * cases. `case0005` is the CT `img0005` of the original files.
 */
export const synapseTrainSlices: Readonly<Record<string, number>> = {
  case0005: 117,
  case0006: 131,
  case0007: 163,
  case0009: 149,
  case0010: 148,
  case0021: 143,
  case0023: 96,
  case0024: 124,
  case0026: 131,
  case0027: 88,
  case0028: 89,
  case0030: 153,
  case0031: 93,
  case0033: 104,
  case0034: 98,
  case0037: 99,
  case0039: 90,
  case0040: 195,
};

export const synapseTest: readonly string[] = [
  "case0001",
  "case0002",
  "case0003",
  "case0004",
  "case0008",
  "case0022",
  "case0025",
  "case0029",
  "case0032",
  "case0035",
  "case0036",
  "case0038",
];
