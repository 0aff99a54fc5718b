/**
 * Writes the JSON Schema of configurations, which is published with the package:
 *
 *     node --conditions=@hidiff/source --import tsx packages/hidiff/scripts/write-configuration-schema.ts
 */
import { writeFileSync } from "node:fs";
import { configurationJsonSchema } from "../src/config/json-schema.ts";

writeFileSync(new URL("../schema/configuration.schema.json", import.meta.url), `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
