#!/usr/bin/env node
const { main } = await import("@hidiff/cli").catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write("error: the hidiff command is not built yet; run `pnpm build` in the repository.\n");
  process.exit(1);
});
process.exitCode = await main(process.argv.slice(2));
