import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exists, writeFileAtomic } from "@hidiff/core-tensor/node";
import type { TrainingProgress } from "../training/session.ts";
import { AppendedFile } from "./appended-file-node.ts";
import { readRunRecords } from "./read-run-records-node.ts";
import { runFiles } from "./run-files.ts";
import { iterationTable, type RunRecord, type RunTable, validationTable } from "./run-records.ts";
import { EventFile } from "./tensorboard/event-file-node.ts";

/** The tables, and the records that are their rows. */
const tables: readonly (readonly [string, RunTable])[] = [
  [runFiles.iterations, iterationTable],
  [runFiles.validations, validationTable],
];

/** Where the records of a training go: `metrics.jsonl`, the tables and TensorBoard's events. */
export class RunMetrics {
  readonly #folder: string;
  readonly #records: AppendedFile;
  readonly #tables: readonly { readonly file: AppendedFile; readonly table: RunTable }[];
  readonly #events: EventFile;

  private constructor(folder: string, records: AppendedFile, files: readonly AppendedFile[], events: EventFile) {
    this.#folder = folder;
    this.#records = records;
    this.#tables = files.map((file, index) => ({ file, table: tables[index]![1] }));
    this.#events = events;
  }

  /**
   * Goes on after the records of what a training has done so far. Later ones, of iterations that will come again, are removed.
   *
   * @param step the iterations of both phases that it has done
   * @throws HidiffError `file.write`, and those of `readRunRecords`
   */
  static async open(folder: string, done: TrainingProgress, step: number): Promise<RunMetrics> {
    const path = (name: string): string => join(folder, name);
    const before = step === 0 || !(await exists(path(runFiles.metrics))) ? [] : await readRunRecords(folder);
    const kept = before.filter(({ phase, iteration }) => iteration <= done[phase]);
    await writeFileAtomic(path(runFiles.metrics), kept.map(formatRecord).join(""));
    for (const [name, table] of tables) {
      await writeFileAtomic(path(name), table.header + kept.map((record) => table.row(record) ?? "").join(""));
    }
    return new RunMetrics(
      folder,
      await AppendedFile.open(path(runFiles.metrics)),
      await Promise.all(tables.map(([name]) => AppendedFile.open(path(name)))),
      await EventFile.begin(path(runFiles.events), step),
    );
  }

  /** Throws HidiffError `file.write`. */
  async append(record: RunRecord): Promise<void> {
    await this.#records.append(formatRecord(record));
    for (const { file, table } of this.#tables) {
      const row = table.row(record);
      if (row !== undefined) await file.append(row);
    }
    await this.#events.append(record.step, await this.#summary(record));
  }

  /** Returns when everything so far is on the disk. Throws HidiffError `file.write`. */
  async flush(): Promise<void> {
    await Promise.all([this.#records, ...this.#tables.map(({ file }) => file), this.#events].map((file) => file.flush()));
  }

  async close(): Promise<void> {
    await Promise.all([this.#records, ...this.#tables.map(({ file }) => file), this.#events].map((file) => file.close()));
  }

  async #summary(record: RunRecord): Promise<Parameters<EventFile["append"]>[1]> {
    switch (record.type) {
      case "iteration":
        return {
          scalars: {
            ...Object.fromEntries(Object.entries(record.losses).map(([name, value]) => [`loss/${name}`, value])),
            "training/learning_rate": record.learningRate,
            "training/seconds_per_iteration": record.seconds,
            "training/waiting": record.waiting,
          },
        };
      case "validation":
        return {
          scalars: {
            "validation_dice/segmentor": record.segmentorDice,
            "validation_dice/refined": record.refinedDice,
            ...Object.fromEntries(record.stepDice.map(({ t, dice }) => [`validation_dice_by_step/t_${t}`, dice])),
          },
        };
      case "picture": {
        const { file, height, width } = record;
        return { images: { validation_crops: { height, width, png: await readFile(join(this.#folder, file)) } } };
      }
    }
  }
}

function formatRecord(record: RunRecord): string {
  return `${JSON.stringify(record)}\n`;
}
