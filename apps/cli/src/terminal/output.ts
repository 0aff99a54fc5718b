import picocolors from "picocolors";

/** Where a command tells things: results on standard output, everything else on standard error. */
export class Output {
  readonly json: boolean;
  /** Colours of standard output; none where it is no terminal or NO_COLOR is set. */
  readonly colours: ReturnType<typeof picocolors.createColors>;

  constructor({ json = false }: { readonly json?: boolean | undefined } = {}) {
    this.json = json;
    this.colours = picocolors.createColors(!json && process.stdout.isTTY && picocolors.isColorSupported);
  }

  /** A line of the result for people. */
  print(text: string = ""): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** The result, or with JSON lines a part of it, for machines. */
  emit(value: object): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A line that is no part of the result. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }
}
