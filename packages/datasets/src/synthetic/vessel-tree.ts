import type { Generator } from "@hidiff/core-tensor/random";
import type { Segment } from "./canvas.ts";

/** A short straight piece of a vessel, in picture coordinates. */
export interface VesselSegment extends Segment {
  readonly width: number;
  readonly kind: "artery" | "vein";
  /** How much darker than others of its width this vessel is: around 1. */
  readonly prominence: number;
}

/** Where the vessels of a picture come from and go around. */
export interface FundusAnatomy {
  readonly disc: { readonly x: number; readonly y: number; readonly radius: number };
  readonly macula: { readonly x: number; readonly y: number; readonly radius: number };
  readonly fieldOfView: { readonly x: number; readonly y: number; readonly radius: number };
}

export interface VesselWidths {
  /** The width of the vessels at the disc. */
  readonly trunk: number;
  /** Vessels end where they become thinner. */
  readonly thinnest: number;
}

const stepLength = 0.018;
/** A vessel loses 1 − 1/e of its width over this length. */
const taperLength = 2.4;
/** The side of the lattice that keeps vessels of one kind from running into each other. */
const latticeSide = 88;

interface Tip {
  x: number;
  y: number;
  heading: number;
  width: number;
  /** Radians per unit length. */
  readonly curvature: number;
  /** Radians after which the vessel goes straight on. */
  readonly bend: number;
  readonly kind: VesselSegment["kind"];
  readonly prominence: number;
  readonly generation: number;
}

/**
 * Grows the arteries and veins of a retina from the optic disc: four arcades of each, the temporal ones around the
 * macula. Vessels taper, meander, give off thin side branches and fork; at a fork the cubes of the widths add up (Murray's
 * law).
 */
export function growVessels(anatomy: FundusAnatomy, widths: VesselWidths, generator: Generator): VesselSegment[] {
  const segments: VesselSegment[] = [];
  const lattice = { artery: new Int32Array(latticeSide ** 2), vein: new Int32Array(latticeSide ** 2) };
  const tips = trunks(anatomy, widths, generator);
  for (let vessel = 1; tips.length > 0; vessel++) {
    const tip = tips.shift()!;
    growOne(tip, vessel, lattice[tip.kind], anatomy, widths, generator, segments, tips);
  }
  return segments;
}

function trunks({ disc, macula }: FundusAnatomy, widths: VesselWidths, generator: Generator): Tip[] {
  const tips: Tip[] = [];
  const temporal = macula.x > disc.x ? 0 : Math.PI;
  const clockwise = macula.x > disc.x ? 1 : -1;
  for (const kind of ["vein", "artery"] as const) {
    for (const vertical of [-1, 1] as const) {
      for (const side of ["temporal", "nasal"] as const) {
        // Headings are measured from the temporal direction; positive turns go down on the picture for a right-hand macula.
        const opening = side === "temporal" ? generator.uniform(1.2, 1.75) : generator.uniform(1.9, 2.5);
        const curvature = side === "temporal" ? generator.uniform(-1.15, -0.75) : generator.uniform(-0.35, 0.35);
        tips.push({
          x: disc.x + generator.uniform(-0.25, 0.25) * disc.radius,
          y: disc.y + vertical * generator.uniform(0, 0.3) * disc.radius,
          heading: temporal + clockwise * vertical * opening,
          width: widths.trunk * (side === "temporal" ? 1 : 0.78) * (kind === "vein" ? 1 : 0.8) * generator.uniform(0.85, 1.1),
          curvature: clockwise * vertical * curvature,
          bend: opening + 0.15,
          kind,
          prominence: generator.uniform(0.9, 1.1),
          generation: 0,
        });
      }
    }
  }
  return tips;
}

function growOne(
  tip: Tip,
  vessel: number,
  lattice: Int32Array,
  { macula, fieldOfView }: FundusAnatomy,
  widths: VesselWidths,
  generator: Generator,
  segments: VesselSegment[],
  tips: Tip[],
): void {
  const meander = generator.uniform(0.5, 1.6) * (tip.generation === 0 ? 0.5 : 1);
  let drift = 0;
  let side = generator.bernoulli(0.5) ? 1 : -1;
  let untilBranch = branchDistance(tip, generator);
  const longest = tip.generation === 0 ? 3 : generator.uniform(0.25, 1.1);
  let turned = 0;
  for (let length = 0; length < longest; length += stepLength) {
    drift = 0.9 * drift + meander * generator.normal(0, 0.9);
    const turn = (Math.abs(turned) < tip.bend ? tip.curvature : 0) * stepLength;
    turned += turn;
    tip.heading += turn + drift * stepLength;
    const x = tip.x + stepLength * Math.cos(tip.heading);
    const y = tip.y + stepLength * Math.sin(tip.heading);
    tip.width *= Math.exp(-stepLength / taperLength);
    if (tip.width < widths.thinnest) return;
    if (Math.hypot(x - fieldOfView.x, y - fieldOfView.y) > fieldOfView.radius + 0.02) return;
    if (Math.hypot(x - macula.x, y - macula.y) < macula.radius) return;
    const cell = Math.floor(((y + 1) / 2) * latticeSide) * latticeSide + Math.floor(((x + 1) / 2) * latticeSide);
    const settled = lattice[cell] ?? 0;
    if (settled !== 0 && settled !== vessel && length > (tip.generation === 0 ? 0.6 : 0.12)) return;
    if (length > 0.04) lattice[cell] = vessel;
    segments.push({ x0: tip.x, y0: tip.y, x1: x, y1: y, width: tip.width, kind: tip.kind, prominence: tip.prominence });
    tip.x = x;
    tip.y = y;

    untilBranch -= stepLength;
    if (untilBranch > 0 || (tip.generation === 0 && length < 0.1)) continue;
    untilBranch = branchDistance(tip, generator);
    side = generator.bernoulli(0.75) ? -side : side;
    const fork = generator.bernoulli(tip.generation === 0 ? 0.3 : 0.45);
    // The cubes of the children's widths add up to the parent's.
    const share = fork ? generator.uniform(0.3, 0.5) : generator.uniform(0.04, 0.25);
    const angle = fork ? generator.uniform(0.35, 0.7) : generator.uniform(0.7, 1.3);
    tips.push({
      x,
      y,
      heading: tip.heading + side * angle,
      width: Math.max(tip.width * Math.cbrt(share), generator.uniform(1, 1.25) * widths.thinnest),
      curvature: -side * generator.uniform(-0.3, 1.2),
      bend: 0.8,
      kind: tip.kind,
      prominence: tip.prominence * generator.uniform(0.75, 1.1),
      generation: tip.generation + 1,
    });
    tip.width *= Math.cbrt(1 - share);
    if (fork) tip.heading -= side * angle * 0.45;
  }
}

function branchDistance({ width, generation }: Tip, generator: Generator): number {
  return (generator.uniform(0.06, 0.16) + 2.3 * width * generator.uniform(0.5, 1.5)) * (1 + 0.5 * generation);
}
