import { type SyntheticKind, writeSynthetic } from "@hidiff/datasets/node";
import { Output } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

export interface SynthesizeOptions {
  readonly seed: number;
  readonly size?: number;
  readonly depth?: number;
  readonly train?: number;
  readonly validation?: number;
  readonly test?: number;
}

/** `hidiff dataset synthesize`: draws a data set in the layout of a published one. */
export async function synthesize(name: string, folder: string, { seed, size, depth, train, validation, test }: SynthesizeOptions): Promise<void> {
  const output = new Output();
  const count = { ...(train === undefined ? {} : { train }), ...(validation === undefined ? {} : { validation }), ...(test === undefined ? {} : { test }) };
  let progress: Progress | undefined;
  try {
    const files = await writeSynthetic(name as SyntheticKind, folder, {
      seed,
      ...(size === undefined ? {} : { size }),
      ...(depth === undefined ? {} : { depth }),
      ...(Object.keys(count).length === 0 ? {} : { count }),
      onFile: ({ path, done, total }) => {
        progress ??= new Progress({ total, unit: "files" });
        progress.update(done, path);
      },
    });
    progress?.stop();
    output.note(`${files.length} files in ${folder}. Look at them: hidiff dataset check ${folder}`);
  } finally {
    progress?.stop();
  }
}
