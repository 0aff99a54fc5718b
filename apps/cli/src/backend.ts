import type { BackendChoice } from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";
import type { Output } from "./terminal/output.ts";

/** Selects the tensor backend for a command and tells which one. */
export async function useBackend(name: string | undefined, output: Output): Promise<BackendChoice> {
  const choice = await selectBackend(name === undefined ? {} : { prefer: name });
  output.note(`Backend ${choice.name}: ${choice.reason}`);
  return choice;
}
