import { escapeHtml } from "./html.ts";
import { pageStyle } from "./style.ts";

/** A whole page in one file. @param main the HTML of its content @param script runs once the page is there */
export function htmlDocument(title: string, main: string, script: string = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
${main}
</main>${script === "" ? "" : `\n<script>${script}</script>`}
</body>
</html>
`;
}
