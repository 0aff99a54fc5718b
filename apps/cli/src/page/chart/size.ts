/** A chart's drawing area in pixels. Its text does not scale, so there is one for wide and one for narrow screens. */
export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

/** A chart over the whole width of the page, drawn for wide and for narrow screens. */
export function responsiveChart(draw: (size: ChartSize) => string, wide: ChartSize = { width: 1060, height: 300 }): string {
  return `<div class="wide">${draw(wide)}</div><div class="narrow">${draw({ width: 340, height: 240 })}</div>`;
}

/** The size of wide charts of which two stand side by side. */
export const halfWidth: ChartSize = { width: 500, height: 300 };
