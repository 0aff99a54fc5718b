import { type CaseScores, type EvaluatedCase, labelStackOf, type RefinementStep } from "hidiff";
import type { Colour } from "../pictures/colour.ts";
import { displayPicture } from "../pictures/display.ts";
import { type EmbeddedPicture, embedPicture } from "../pictures/embed.ts";
import { errorPicture } from "../pictures/error-map.ts";
import { labelPicture } from "../pictures/label-colours.ts";
import { greyPicture, largestVariance, type Picture } from "../pictures/maps.ts";
import { fullestSlice } from "../pictures/slices.ts";
import { type ChoiceReason, chooseCases } from "./choose-cases.ts";
import { type Film, makeFilm, storeStep, type StoredStep } from "./film.ts";

/** A case as the report shows it. */
export interface CaseView {
  readonly scores: CaseScores;
  readonly reasons: readonly ChoiceReason[];
  /** Of a volume; undefined for images, and where each slice is a case. */
  readonly slice: number | undefined;
  readonly pictures: readonly (EmbeddedPicture & { readonly caption: string })[];
  readonly film: Film | undefined;
}

interface CaseViewOptions {
  /** How many cases are shown at most. */
  readonly limit: number;
  /** Whether the images themselves are shown, and not only masks and maps of them. */
  readonly images: boolean;
  readonly classes: number;
  readonly colourOf: (label: number) => Colour;
}

/** Collects the pictures of those cases that the report will show, while they are evaluated. */
export class CaseViews {
  readonly #options: CaseViewOptions;
  readonly #views = new Map<string, CaseView>();
  readonly #scores: CaseScores[] = [];
  #steps = new Map<number, StoredStep[]>();

  constructor(options: CaseViewOptions) {
    this.#options = options;
  }

  /** Takes a step of the case that is evaluated next. */
  addStep(step: RefinementStep, slice: number): void {
    const steps = this.#steps.get(slice) ?? [];
    steps.push(storeStep(step));
    this.#steps.set(slice, steps);
  }

  async addCase(evaluated: EvaluatedCase): Promise<void> {
    const steps = this.#steps;
    this.#steps = new Map();
    this.#scores.push(...evaluated.scores);
    const wanted = new Set(chooseCases(this.#scores, this.#options.limit).map(({ id }) => id));
    for (const id of this.#views.keys()) if (!wanted.has(id)) this.#views.delete(id);
    const everySlice = evaluated.scores.length > 1;
    for (const [place, scores] of evaluated.scores.entries()) {
      if (!wanted.has(scores.id)) continue;
      const slice = everySlice ? place : fullestSlice(labelStackOf(evaluated.truth, evaluated.segmentation));
      // Preprocessing that cuts slices off leaves others than the image's.
      const ownSteps = steps.size === evaluated.segmentation.depth ? steps.get(slice) : undefined;
      this.#views.set(scores.id, await this.#view(evaluated, scores, slice, ownSteps));
    }
  }

  /** The chosen cases, in the order in which they are shown. */
  chosen(): CaseView[] {
    return chooseCases(this.#scores, this.#options.limit).map(({ id, reasons }) => ({ ...this.#views.get(id)!, reasons }));
  }

  async #view({ image, segmentation, truth, region, scores: all }: EvaluatedCase, scores: CaseScores, slice: number, steps: readonly StoredStep[] | undefined): Promise<CaseView> {
    const { images, classes, colourOf } = this.#options;
    const { depth, height, width } = segmentation;
    const size = { height, width };
    const part = (values: Uint8Array): Uint8Array => values.subarray(slice * height * width, (slice + 1) * height * width);
    const mask = (labels: Uint8Array): Picture => labelPicture(part(labels), size, classes === 1 ? () => [255, 255, 255] : colourOf);
    const errors = (labels: Uint8Array): Picture =>
      errorPicture({ mask: part(labels), truth: part(truth), height, width, region: region === undefined ? undefined : part(region) });
    const shown: { readonly caption: string; readonly picture: Picture; readonly lossy?: boolean }[] = [
      ...(images ? [{ caption: "Image", picture: displayPicture(image.slice(slice), image), lossy: true }] : []),
      { caption: "Truth", picture: mask(truth) },
      { caption: "Prior", picture: mask(segmentation.priorLabels) },
      { caption: "Refined", picture: mask(segmentation.labels) },
      { caption: "Errors of the prior", picture: errors(segmentation.priorLabels) },
      { caption: "Errors, refined", picture: errors(segmentation.labels) },
    ];
    if (segmentation.uncertainty !== undefined) {
      shown.push({ caption: "Uncertainty", picture: uncertaintyPicture(segmentation.uncertainty.slice(slice), size, segmentation.uncertainty.channels), lossy: true });
    }
    return {
      scores,
      reasons: [],
      slice: depth === 1 || all.length > 1 ? undefined : slice,
      pictures: await Promise.all(shown.map(async ({ caption, picture, lossy = false }) => ({ caption, ...(await embedPicture(picture, lossy)) }))),
      film: steps === undefined ? undefined : await makeFilm(steps, classes === 1 ? undefined : colourOf),
    };
  }
}

/** Of several classes the one of which most is uncertain. */
function uncertaintyPicture(values: Float32Array, size: { readonly height: number; readonly width: number }, channels: number): Picture {
  const totals = Array.from({ length: channels }, () => 0);
  for (const [index, value] of values.entries()) totals[index % channels]! += value;
  return greyPicture(values, size, { channels, channel: totals.indexOf(Math.max(...totals)), white: largestVariance });
}
