import type { Interpolation, Preprocessing, PreprocessingStep, Region } from "./schema.ts";

/** One plain sentence a step, for reports. */
export function describePreprocessing(steps: Preprocessing): string[] {
  return steps.map(sentence);
}

function sentence(step: PreprocessingStep): string {
  switch (step.step) {
    case "scale":
      return `Map ${step.from === "range" ? "the range of the stored values" : interval(step.from)} linearly to ${interval(step.to)}.`;
    case "clip":
      return `Limit values to ${interval([step.low, step.high])}${then(step.to)}.`;
    case "window": {
      const limits = interval([step.centre - step.width / 2, step.centre + step.width / 2]);
      return `Limit values to the window of width ${number(step.width)} around ${number(step.centre)}, ${limits}${then(step.to)}.`;
    }
    case "percentile":
      return (
        `Limit every channel to its percentiles ${number(step.low)} and ${number(step.high)}, taken over ${region(step.region)}, ` +
        `and map them to ${interval(step.to)}.`
      );
    case "z-score": {
      const outside = step.region === "nonzero" ? "; the rest becomes 0" : "";
      return `Subtract every channel's mean and divide by its standard deviation, taken over ${region(step.region)}${outside}.`;
    }
    case "resize":
      return `Resize every slice to ${step.height} × ${step.width} pixels (height × width), ${by(step.image)}.`;
    case "resample": {
      const axes = ["depth", "height", "width"].flatMap((axis, i) => (step.spacing[i] == null ? [] : [`${number(step.spacing[i])} mm along the ${axis}`]));
      if (axes.length === 0) return "Resample no axis: every distance between voxels is kept.";
      return `Resample to voxels ${list(axes)} apart, ${by(step.image)}.`;
    }
    case "crop-border":
      return `Cut ${count(step.pixels, "pixel")} off every side of each slice.`;
    case "crop-foreground": {
      const margin = step.margin === 0 ? "" : `, with a margin of ${count(step.margin, "voxel")}`;
      return `Crop to the smallest box around the values above ${number(step.above)}${margin}.`;
    }
  }
}

function number(value: number): string {
  return String(value).replace("-", "−");
}

function interval([low, high]: readonly [number, number]): string {
  return `[${number(low)}, ${number(high)}]`;
}

function then(to: readonly [number, number] | undefined): string {
  return to === undefined ? "" : `, then map these linearly to ${interval(to)}`;
}

function region(name: Region): string {
  return name === "all" ? "the whole image" : "the voxels where the original image is not 0";
}

function by(interpolation: Interpolation): string {
  const image = { nearest: "by the nearest voxel", linear: "linearly", cubic: "by cubic B-splines" }[interpolation];
  return interpolation === "nearest" ? image : `${image} (masks by the nearest voxel)`;
}

function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? "" : "s"}`;
}

function list(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
