/** A point or vector in millimetres (or another unit of the scene). */
export type Point = readonly [x: number, y: number, z: number];

/**
 * A solid body, given by a signed distance: negative inside, 0 on the surface, positive outside; near the surface in the
 * scene's unit, farther away only roughly so.
 */
export interface Shape {
  distance(x: number, y: number, z: number): number;
}

/** An ellipsoid whose third axis points along `axis` (towards the head where left out). */
export function ellipsoid(centre: Point, radii: Point, axis: Point = [0, 0, 1]): Shape {
  const [cx, cy, cz] = centre;
  const [u, v, w] = frame(axis);
  const [ru, rv, rw] = radii;
  return {
    distance: (x, y, z) => {
      const [dx, dy, dz] = [x - cx, y - cy, z - cz];
      const a = (dx * u[0] + dy * u[1] + dz * u[2]) / ru;
      const b = (dx * v[0] + dy * v[1] + dz * v[2]) / rv;
      const c = (dx * w[0] + dy * w[1] + dz * w[2]) / rw;
      const level = Math.sqrt(a * a + b * b + c * c);
      const slope = Math.sqrt((a / ru) ** 2 + (b / rv) ** 2 + (c / rw) ** 2);
      return slope === 0 ? -Math.min(ru, rv, rw) : (level * (level - 1)) / slope;
    },
  };
}

/** A tube along a line of points, each with its radius; radii change evenly between points. */
export function tube(points: readonly (readonly [x: number, y: number, z: number, radius: number])[]): Shape {
  const smooth = points.length > 2 ? roundCorners(roundCorners(points)) : points;
  return {
    distance: (x, y, z) => {
      let nearest = Infinity;
      for (let i = 1; i < smooth.length; i++) {
        const [ax, ay, az, ar] = smooth[i - 1]!;
        const [bx, by, bz, br] = smooth[i]!;
        const [dx, dy, dz] = [bx - ax, by - ay, bz - az];
        const along = ((x - ax) * dx + (y - ay) * dy + (z - az) * dz) / (dx * dx + dy * dy + dz * dz);
        const share = along < 0 ? 0 : along > 1 ? 1 : along;
        const [ex, ey, ez] = [x - ax - share * dx, y - ay - share * dy, z - az - share * dz];
        const distance = Math.sqrt(ex * ex + ey * ey + ez * ez) - ar - share * (br - ar);
        if (distance < nearest) nearest = distance;
      }
      return nearest;
    },
  };
}

/** Several bodies melted into one; `blend` is the width of the fillets. */
export function union(shapes: readonly Shape[], blend: number): Shape {
  return {
    distance: (x, y, z) => {
      let distance = Infinity;
      for (const shape of shapes) {
        const other = shape.distance(x, y, z);
        distance = distance === Infinity ? other : smoothMinimum(distance, other, blend);
      }
      return distance;
    },
  };
}

/** What of `shape` lies outside of `hole`. */
export function subtract(shape: Shape, hole: Shape, blend: number): Shape {
  return { distance: (x, y, z) => -smoothMinimum(-shape.distance(x, y, z), hole.distance(x, y, z), blend) };
}

/** The smaller of two numbers, rounded where they are within `blend` of each other. */
export function smoothMinimum(a: number, b: number, blend: number): number {
  const overlap = blend - Math.abs(a - b);
  return Math.min(a, b) - (overlap > 0 ? (overlap * overlap) / (4 * blend) : 0);
}

/** Chaikin's corner cutting; the ends stay. */
function roundCorners<T extends readonly number[]>(points: readonly T[]): T[] {
  const rounded: T[] = [points[0]!];
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1]!, points[i]!];
    const between = (share: number): T => from.map((value, axis) => value + share * (to[axis]! - value)) as unknown as T;
    rounded.push(between(0.25), between(0.75));
  }
  rounded.push(points.at(-1)!);
  return rounded;
}

/** Three orthogonal unit vectors of which the third is `axis`; the first lies in the plane of x and z. */
function frame(axis: Point): [Point, Point, Point] {
  const length = Math.hypot(...axis);
  const w: Point = [axis[0] / length, axis[1] / length, axis[2] / length];
  const across = Math.hypot(w[2], w[0]);
  const u: Point = across < 1e-6 ? [1, 0, 0] : [w[2] / across, 0, -w[0] / across];
  const v: Point = [w[1] * u[2] - w[2] * u[1], w[2] * u[0] - w[0] * u[2], w[0] * u[1] - w[1] * u[0]];
  return [u, v, w];
}
