import cliProgress from "cli-progress";
import { formatDuration } from "./duration.ts";
import { Pace } from "./pace.ts";
import { terminalSettings } from "./settings.ts";

/** What a {@link Progress} shows. */
interface ProgressOptions {
  readonly total: number;
  /** What is done already. */
  readonly done?: number;
  /** When the job began, as `performance.now()` tells; default: now. */
  readonly since?: number;
  /** What is counted, in the plural, such as "images": shows the rate. Without it, only the percentage is shown. */
  readonly unit?: string;
}

/** What is quicker than this shows no progress: it would only flash. */
const secondsHidden = 1;
/** A line of progress is printed every tenth of the job, and at least this often. */
const secondsBetweenLines = 30;
const barWidth = 24;

/** The progress of one job on standard error: a bar on a terminal, a line now and then elsewhere; none with `--quiet`. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #pace: Pace;
  readonly #appearance: NodeJS.Timeout;
  #shown = false;
  #bar: cliProgress.SingleBar | undefined;
  #line = "";
  #done: number;
  #printedShare = -1;
  #printedAt = 0;

  constructor(options: ProgressOptions) {
    const { done = 0, since = performance.now() } = options;
    this.#options = options;
    this.#done = done;
    this.#pace = new Pace(done, since / 1000);
    this.#appearance = setTimeout(() => this.#show(), Math.max(0, 1000 * secondsHidden - (performance.now() - since)));
    this.#appearance.unref();
  }

  /** @param label what is being done. @param details such as losses, between bars */
  update(done: number, label: string, details: readonly string[] = []): void {
    const { total, unit } = this.#options;
    const now = seconds();
    this.#pace.observe(done, now);
    this.#done = done;
    const left = this.#pace.left(total);
    const { rate } = this.#pace;
    const parts = [
      ...(unit === undefined ? [`${Math.floor((100 * done) / total)} %`] : [`${Math.floor(done)}/${total}`]),
      ...(unit === undefined || rate === undefined ? [] : [formatRate(rate, unit)]),
      ...(left === undefined || done >= total ? [] : [`${formatDuration(left)} left`]),
      ...details,
    ];
    this.#line = `${label}|${parts.join(" · ")}`;
    // Computing keeps timers from firing.
    if (!this.#shown && now - this.#pace.start >= secondsHidden) this.#show();
    else if (this.#shown) this.#refresh();
  }

  /** Writes a line above the bar. */
  note(text: string): void {
    if (terminalSettings.quiet) return;
    process.stderr.write(this.#bar === undefined ? `${text}\n` : `\r\u001B[K${text}\n`);
    if (this.#bar !== undefined) this.#bar.update(this.#done);
  }

  /** Ends the display; the last state stays visible. */
  stop(): void {
    clearTimeout(this.#appearance);
    this.#bar?.stop();
  }

  #show(): void {
    if (this.#shown || terminalSettings.quiet) return;
    clearTimeout(this.#appearance);
    this.#shown = true;
    if (process.stderr.isTTY) {
      this.#bar = new cliProgress.SingleBar({
        stream: process.stderr,
        forceRedraw: true,
        linewrap: true, // leaves the terminal as it is; the line is cut to its width instead
        format: (_options, { progress }) => this.#draw(progress),
      });
      this.#bar.start(this.#options.total, this.#done);
    }
    this.#refresh();
  }

  #refresh(): void {
    if (this.#bar !== undefined) this.#bar.update(this.#done);
    else if (this.#line !== "") this.#print();
  }

  #draw(share: number): string {
    if (this.#line === "") return "";
    const [label = "", rest = ""] = this.#line.split("|");
    const filled = Math.round(share * barWidth);
    const line = `${label} ${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${rest}`;
    return line.slice(0, Math.max(20, (process.stderr.columns || 80) - 1));
  }

  #print(): void {
    const share = Math.floor((10 * this.#done) / this.#options.total);
    const now = seconds();
    if (share === this.#printedShare && now - this.#printedAt < secondsBetweenLines) return;
    this.#printedShare = share;
    this.#printedAt = now;
    process.stderr.write(`${this.#line.replace("|", ": ")}\n`);
  }
}

/** Shows a progress while `action` runs, and takes it away whatever happens. */
export async function withProgress<T>(options: ProgressOptions, action: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = new Progress(options);
  try {
    return await action(progress);
  } finally {
    progress.stop();
  }
}

/** "2.5 images/s", or where it is slower than one a second "4.4 s/image". @param unit in the plural */
export function formatRate(rate: number, unit: string): string {
  return rate >= 1 ? `${rate.toFixed(1)} ${unit}/s` : `${(1 / rate).toFixed(1)} s/${unit.replace(/s$/, "")}`;
}

function seconds(): number {
  return performance.now() / 1000;
}
