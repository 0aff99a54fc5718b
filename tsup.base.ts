import { defineConfig } from "tsup";

/** The one build recipe of every package: ESM, declarations, source maps. */
export function library(entry: Record<string, string>): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry,
    format: ["esm"],
    target: "es2022",
    platform: "neutral",
    dts: true,
    sourcemap: true,
    clean: true,
    splitting: true,
    external: [/^node:/],
  });
}
