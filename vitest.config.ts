import { defineConfig } from "vitest/config";

const conditions = ["@hidiff/source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    testTimeout: 300_000,
    hookTimeout: 300_000,
    setupFiles: ["./test/matchers.ts"],
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "test/**/*.test.ts"],
  },
});
