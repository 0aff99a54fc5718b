import { AsyncLocalStorage } from "node:async_hooks";

type Printer = (...values: unknown[]) => void;

const names = ["log", "error", "warn", "info", "debug"] as const;

/** What is printed within a call of {@link quietly}. */
const printed = new AsyncLocalStorage<string[]>();
let running = 0;
let restore = (): void => undefined;

/**
 * Runs code that prints to the console (ITK-Wasm does, when it fails) without letting that through. What others print
 * meanwhile is not touched, and the console is as before afterwards.
 *
 * @returns what the code returned or threw, and what it printed
 */
export async function quietly<T>(run: () => Promise<T>): Promise<{ value: T; printed: string } | { error: unknown; printed: string }> {
  const lines: string[] = [];
  if (running++ === 0) restore = divert();
  try {
    return { value: await printed.run(lines, run), printed: lines.join("\n") };
  } catch (error) {
    return { error, printed: lines.join("\n") };
  } finally {
    if (--running === 0) restore();
  }
}

function divert(): () => void {
  const replaced = names.map((name) => {
    const original: Printer = console[name];
    const diverted: Printer = (...values) => {
      const lines = printed.getStore();
      if (lines === undefined) original.apply(console, values);
      else lines.push(values.map(String).join(" "));
    };
    console[name] = diverted;
    return { name, original, diverted };
  });
  return () => {
    // Somebody else may have replaced a function meanwhile: then theirs stays, and passes through ours.
    for (const { name, original, diverted } of replaced) if (console[name] === diverted) console[name] = original;
  };
}
