import type { Generator } from "@hidiff/core-tensor/random";
import { drawBlob, type Blob, type Layer } from "./canvas.ts";
import type { FundusAnatomy } from "./vessel-tree.ts";

/** What is drawn beside vessels, none of which is part of the mask. */
export interface LesionLayers {
  /** Absorption of haemorrhages and microaneurysms. */
  readonly dark: Layer;
  /** Opacity of hard exudates: small, bright and sharp. */
  readonly exudate: Layer;
  /** Opacity of cotton-wool spots: larger, pale and soft. */
  readonly cottonWool: Layer;
}

/** Draws the lesions of a diseased retina; `severity` in [0, 1]. */
export function drawLesions(layers: LesionLayers, anatomy: FundusAnatomy, severity: number, generator: Generator): void {
  const count = (most: number): number => Math.round(most * severity * generator.uniform());
  const pixel = 2 / layers.dark.size;
  for (let i = count(16); i > 0; i--) {
    const radius = Math.max(0.55 * pixel, generator.uniform(0.006, 0.012));
    drawBlob(layers.dark, blob(place(anatomy, generator), radius, radius, 0.6, generator.uniform(0.2, 0.4), generator));
  }
  for (let i = count(9); i > 0; i--) {
    const radius = generator.uniform(0.018, 0.055);
    const across = radius * generator.uniform(0.55, 1);
    drawBlob(layers.dark, blob(place(anatomy, generator), radius, across, 0.35, generator.uniform(0.3, 0.55), generator));
  }
  for (let i = count(6); i > 0; i--) drawFlame(layers.dark, anatomy, generator);
  for (let i = count(5); i > 0; i--) {
    const centre = place(anatomy, generator);
    const spread = generator.uniform(0.02, 0.09);
    for (let spots = 3 + generator.integer(22); spots > 0; spots--) {
      const at = { x: centre.x + generator.normal(0, spread), y: centre.y + generator.normal(0, spread) };
      const radius = Math.max(0.5 * pixel, generator.uniform(0.005, 0.018));
      const across = radius * generator.uniform(0.6, 1);
      drawBlob(layers.exudate, blob(at, radius, across, 0.3, generator.uniform(0.45, 0.95), generator));
    }
  }
  for (let i = count(4); i > 0; i--) {
    const radius = generator.uniform(0.03, 0.07);
    const across = radius * generator.uniform(0.5, 0.9);
    drawBlob(layers.cottonWool, blob(place(anatomy, generator), radius, across, 1.4, generator.uniform(0.2, 0.45), generator));
  }
}

/** A flame-shaped haemorrhage: streaks along the nerve fibres, which run away from the disc. They resemble vessels. */
function drawFlame(layer: Layer, anatomy: FundusAnatomy, generator: Generator): void {
  const centre = place(anatomy, generator);
  const along = Math.atan2(centre.y - anatomy.disc.y, centre.x - anatomy.disc.x) + generator.normal(0, 0.25);
  const strength = generator.uniform(0.25, 0.45);
  for (let streaks = 2 + generator.integer(4); streaks > 0; streaks--) {
    const at = { x: centre.x + generator.normal(0, 0.015), y: centre.y + generator.normal(0, 0.015) };
    const length = generator.uniform(0.03, 0.09);
    const streak = blob(at, length, generator.uniform(0.006, 0.014), 0.8, strength * generator.uniform(0.7, 1), generator);
    drawBlob(layer, { ...streak, angle: along + generator.normal(0, 0.12), irregularity: 0.15 });
  }
}

function blob(
  at: { readonly x: number; readonly y: number },
  radius: number,
  radiusAcross: number,
  softness: number,
  strength: number,
  generator: Generator,
): Blob {
  return {
    ...at,
    radius,
    radiusAcross,
    softness,
    strength,
    angle: generator.uniform(0, Math.PI),
    irregularity: 0.35,
    phases: [generator.uniform(0, 2 * Math.PI), generator.uniform(0, 2 * Math.PI)],
  };
}

/** A point in the field of view, off the disc. */
function place({ fieldOfView, disc }: FundusAnatomy, generator: Generator): { x: number; y: number } {
  for (;;) {
    const angle = generator.uniform(0, 2 * Math.PI);
    const radius = 0.92 * fieldOfView.radius * Math.sqrt(generator.uniform());
    const x = fieldOfView.x + radius * Math.cos(angle);
    const y = fieldOfView.y + radius * Math.sin(angle);
    if (Math.hypot(x - disc.x, y - disc.y) > 1.3 * disc.radius) return { x, y };
  }
}
