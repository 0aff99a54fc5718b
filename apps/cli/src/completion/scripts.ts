/** The shells that `hidiff completion` writes for. */
export const shells = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = (typeof shells)[number];

/** All scripts ask `hidiff complete -- WORDS…`, whose answer `formatCompletions` describes. */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `# hidiff completion for bash
_hidiff() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" paths= line IFS=$'\\n'
  [ "$cur" = "=" ] && cur=
  COMPREPLY=()
  while IFS= read -r line; do
    if [ -z "$paths" ]; then paths="$line"; else COMPREPLY+=("\${line%%$'\\t'*}"); fi
  done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case "$paths" in
    files) COMPREPLY+=($(compgen -f -- "$cur")) ;;
    folders) COMPREPLY+=($(compgen -d -- "$cur")) ;;
    *) return ;;
  esac
  compopt -o filenames 2>/dev/null
}
complete -F _hidiff hidiff
`,
  zsh: `#compdef hidiff
# hidiff completion for zsh
_hidiff() {
  local -a lines described
  local line value
  lines=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)lines[2,-1]}"; do
    value="\${line%%$'\\t'*}"
    described+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( $#described )) && _describe -t values hidiff described
  case "\${lines[1]}" in
    files) _files ;;
    folders) _files -/ ;;
  esac
}
if [ "$funcstack[1]" = "_hidiff" ]; then _hidiff "$@"; else compdef _hidiff hidiff; fi
`,
  fish: `# hidiff completion for fish
function __hidiff_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines ($words[1] complete -- $words[2..-1] 2>/dev/null)
  switch "$lines[1]"
    case files
      __fish_complete_path (commandline -ct)
    case folders
      __fish_complete_directories (commandline -ct)
  end
  test (count $lines) -gt 1; and printf '%s\\n' $lines[2..-1]
end
complete -c hidiff -f -a '(__hidiff_complete)'
`,
  powershell: `# hidiff completion for PowerShell
Register-ArgumentCompleter -Native -CommandName hidiff -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '""' }
  $rest = @($words | Select-Object -Skip 1)
  $paths, $lines = @(& $words[0] complete -- @rest 2>$null)
  foreach ($line in $lines) {
    $value, $description = $line -split "\`t", 2
    if (-not $description) { $description = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
  }
  switch ($paths) {
    'files' { Get-ChildItem -Path "$wordToComplete*" | ForEach-Object { Resolve-Path -Relative $_.FullName } }
    'folders' { Get-ChildItem -Directory -Path "$wordToComplete*" | ForEach-Object { Resolve-Path -Relative $_.FullName } }
  }
}
`,
};
