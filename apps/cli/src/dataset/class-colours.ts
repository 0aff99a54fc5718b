import { classColour } from "hidiff";
import { type Colour, parseColour } from "../pictures/colour.ts";

/** What stands out on photographs of tissue, which are red. */
const onPhotographs = "#3dffa2";

/** The colour of a class's outline as #rrggbb: a model's colours, but for the only class of photographs. */
export function outlineColour(label: number, { imageChannels, classNames }: { readonly imageChannels: number; readonly classNames: readonly string[] }): string {
  return imageChannels === 3 && classNames.length <= 2 ? onPhotographs : classColour(label);
}

/** The same, for drawing. */
export function outlineColours(dataset: { readonly imageChannels: number; readonly classNames: readonly string[] }): (label: number) => Colour {
  return (label) => parseColour(outlineColour(label, dataset));
}
