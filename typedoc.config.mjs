import { existsSync, readdirSync, readFileSync } from "node:fs";
import { ReflectionKind } from "typedoc";

/** Every entry of every package: what one imports, such as `hidiff/node`, by the source that its package.json names. */
const sources = new Map();
for (const folder of readdirSync("packages").map((name) => `packages/${name}`)) {
  if (!existsSync(`${folder}/package.json`)) continue;
  const { name, exports } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  for (const [path, { "@hidiff/source": source }] of Object.entries(exports)) {
    if (source !== undefined) sources.set(`${folder}/${source.slice(2)}`, name + path.slice(1));
  }
}

/** Pages are called by what one imports, not by the path of a source. */
function nameModules({ converter }) {
  converter.on("createDeclaration", ({ project }, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = project.getSymbolIdFromReflection(reflection)?.fileName.replaceAll("\\", "/") ?? "";
    const source = [...sources.keys()].find((path) => file.endsWith(`/${path}`));
    if (source !== undefined) reflection.name = sources.get(source);
  });
}

/** The reference of all packages, from their docstrings: docs/api/index.html. @type {Partial<import("typedoc").TypeDocOptions>} */
export default {
  name: "HiDiff for JavaScript",
  entryPoints: [...sources.keys()],
  tsconfig: "tsconfig.docs.json",
  out: "docs/api",
  readme: "none",
  plugin: [nameModules],
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  // Types that are only parts of others, and are not exported, have no page of their own, and names of what is inside no link.
  validation: { notExported: false },
  externalSymbolLinkMappings: Object.fromEntries([...sources.values()].map((entry) => [entry, { "*": "#" }])),
  treatValidationWarningsAsErrors: true,
};
