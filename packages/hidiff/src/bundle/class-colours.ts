const colours = ["#000000", "#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#bfef45"] as const;

/** The colour of a class in pictures, as #rrggbb; the background is black. More classes than colours share them. */
export function classColour(label: number): string {
  return label === 0 ? colours[0] : colours[1 + ((label - 1) % (colours.length - 1))]!;
}
