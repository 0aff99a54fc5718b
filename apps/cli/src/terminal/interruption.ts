/** Asks a job to stop at the first Ctrl-C. The second one ends the process at once, as without this. */
export function onInterruption(tell: () => void): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const listener = (): void => {
    controller.abort();
    tell();
  };
  process.once("SIGINT", listener);
  process.once("SIGTERM", listener);
  return {
    signal: controller.signal,
    release: () => {
      process.removeListener("SIGINT", listener);
      process.removeListener("SIGTERM", listener);
    },
  };
}
