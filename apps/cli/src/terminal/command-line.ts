/** The command that runs, as someone would type it again. @param arguments_ those after `hidiff` */
export function commandLine(arguments_: readonly string[] = process.argv.slice(2)): string {
  return ["hidiff", ...arguments_.map(quote)].join(" ");
}

function quote(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
