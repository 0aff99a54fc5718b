import { memory } from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";
import { expect } from "vitest";

/** Selects the backend under test: the environment variable HIDIFF_BACKEND, else the embedded default, wasm. */
export async function useTestBackend(): Promise<void> {
  await selectBackend({ prefer: process.env["HIDIFF_BACKEND"] ?? "wasm" });
}

/** Runs `action` and fails if it leaves tensors behind. */
export async function noLeak<T>(action: () => T | Promise<T>): Promise<T> {
  const before = memory().numTensors;
  const result = await action();
  expect(memory().numTensors, "tensors left behind").toBe(before);
  return result;
}
