import { join } from "node:path";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import { type PictureRecord, readRunConfiguration, readRunRecords, type RunRecord } from "hidiff/node";
import { type EmbeddedPicture, embedFile } from "../pictures/embed.ts";
import { formatDuration } from "../terminal/duration.ts";
import { trainingCourse } from "./training-course.ts";
import { trainingPage, type TrainingStatus } from "./training-page.ts";

const trainingReportFile = "report.html";

/** Pictures of more moments are not shown: the first, the last and some between. */
const mostPictures = 8;

/**
 * Writes the report of a training into its run folder, in place of an earlier one.
 *
 * @param about name and value of machine and versions
 * @throws HidiffError `file.read`, `file.write`, `run.records`, `run.configuration`
 */
export async function writeTrainingReport(folder: string, status: TrainingStatus, about: Readonly<Record<string, string>>): Promise<void> {
  const [configuration, records] = await Promise.all([readRunConfiguration(folder), readRunRecords(folder)]);
  const { pretraining, alternating } = configuration.training;
  const page = trainingPage({
    dataset: configuration.dataset.name,
    status,
    course: trainingCourse(records),
    planned: pretraining.iterations + alternating.iterations,
    pictures: await embedPictures(folder, records),
    configuration,
    facts: [["Time in iterations and looks", formatDuration(secondsOf(records))], ["Renewed", new Date().toISOString()], ...Object.entries(about)],
  });
  await writeFileAtomic(join(folder, trainingReportFile), page);
}

function secondsOf(records: readonly RunRecord[]): number {
  return records.reduce((sum, record) => sum + (record.type === "picture" ? 0 : record.seconds), 0);
}

/** Those that are still there: pictures may be deleted. */
async function embedPictures(folder: string, records: readonly RunRecord[]): Promise<(EmbeddedPicture & { step: number })[]> {
  const found = evenly(records.filter((record): record is PictureRecord => record.type === "picture"), mostPictures);
  const embedded = await Promise.all(
    found.map(({ file, step }) =>
      embedFile(join(folder, file)).then(
        (picture) => [{ ...picture, step }],
        () => [],
      ),
    ),
  );
  return embedded.flat();
}

/** Some of many, evenly spread, the first and the last included. */
function evenly<Item>(items: readonly Item[], most: number): Item[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, index) => items[Math.round((index * (items.length - 1)) / (most - 1))]!);
}
