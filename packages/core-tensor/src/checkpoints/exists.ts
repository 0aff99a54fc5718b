import { stat } from "node:fs/promises";

/** Whether there is a file or folder, or a link to one. */
export function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
