import { CalibrationCollector, type CalibrationReport, type EvaluatedCase, type HiDiff, type MapName, type RefinementStep } from "hidiff";
import { parseColour } from "../pictures/colour.ts";
import { CaseViews } from "./case-views.ts";
import { commandLine } from "../terminal/command-line.ts";
import { evaluationPage, type EvaluationPageContent } from "./evaluation-page.ts";

interface EvaluationReportOptions {
  /** How many cases are shown with pictures at most. */
  readonly cases: number;
  /** Whether the images themselves are shown. */
  readonly images: boolean;
}

type Numbers = Omit<EvaluationPageContent, "model" | "calibration" | "views" | "colours" | "distanceUnit" | "command">;

/** Collects what the report of an evaluation needs while the cases are evaluated. Pictures and calibration are of the first seed. */
export class EvaluationReportBuilder {
  /** What the evaluation must keep and tell for it. */
  readonly details: { readonly maps: readonly MapName[]; readonly onStep?: (step: RefinementStep, slice: number) => void };
  readonly #calibration = new CalibrationCollector();
  readonly #model: string;
  readonly #colours: readonly (readonly [name: string, colour: string])[];
  readonly #views: CaseViews;
  #millimetres = false;

  constructor({ manifest, model }: Pick<HiDiff, "manifest" | "model">, { cases, images }: EvaluationReportOptions) {
    // Steps take time to put together from their windows.
    this.details = { maps: CalibrationCollector.maps, ...(cases === 0 ? {} : { onStep: (step: RefinementStep, slice: number) => this.#views.addStep(step, slice) }) };
    const { classes } = model.architecture;
    const foreground = manifest.classes.filter(({ label }) => label !== 0);
    this.#model = manifest.name;
    this.#colours = classes === 1 ? [] : foreground.map(({ name, colour }) => [name, colour]);
    const colours = new Map(foreground.map(({ label, colour }) => [label, parseColour(colour)]));
    this.#views = new CaseViews({ limit: cases, images, classes, colourOf: (label) => colours.get(label) ?? [255, 255, 255] });
  }

  async addCase(evaluated: EvaluatedCase): Promise<void> {
    const { image } = evaluated;
    // Files of photographs tell no spacing, which is 1 then; those of volumes always do.
    this.#millimetres ||= image.range === undefined || image.spacing.some((distance) => distance !== 1);
    this.#calibration.add(evaluated);
    await this.#views.addCase(evaluated);
  }

  calibration(): CalibrationReport {
    return this.#calibration.report();
  }

  page(numbers: Numbers): string {
    return evaluationPage({
      ...numbers,
      model: this.#model,
      calibration: this.calibration(),
      views: this.#views.chosen(),
      colours: this.#colours,
      distanceUnit: this.#millimetres ? "mm" : "pixels",
      command: commandLine(),
    });
  }
}
