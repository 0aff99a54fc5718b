/** The classes that the literature scores on Synapse, as TransUNet numbers them; the index is the class. */
export const synapseClassNames: readonly string[] = [
  "background",
  "aorta",
  "gallbladder",
  "left kidney",
  "right kidney",
  "liver",
  "pancreas",
  "spleen",
  "stomach",
];

/** BTCV's labels, in its numbering; the index is the label. */
const btcvNames: readonly string[] = [
  "background",
  "spleen",
  "right kidney",
  "left kidney",
  "gallbladder",
  "esophagus",
  "liver",
  "stomach",
  "aorta",
  "inferior vena cava",
  "portal and splenic vein",
  "pancreas",
  "right adrenal gland",
  "left adrenal gland",
];

/** How the numbers in label files become classes: they are TransUNet's already, or BTCV's, of which five are not scored. */
export const synapseLabelValues: Readonly<Record<"transunet" | "btcv", ReadonlyMap<number, number>>> = {
  transunet: new Map(synapseClassNames.map((_, label) => [label, label])),
  btcv: new Map(btcvNames.map((name, label) => [label, Math.max(0, synapseClassNames.indexOf(name))])),
};
