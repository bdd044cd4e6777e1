// Completion for bash, zsh and fish, written from what the verbs say of themselves; the scripts call nothing of ours, so they cost no time.

import { commonOptions, type OptionSpec, type VerbSpec } from './command-line.ts';

/** What completes a value: few words, folders, files, or nothing that could be known. */
function valueKind({ value, choices }: OptionSpec): 'choices' | 'folders' | 'files' | 'unknown' | 'none' {
  if (value === undefined) return 'none';
  if (choices !== undefined) return 'choices';
  if (value === 'DIR') return 'folders';
  return value === 'FILE' || value === 'SRC' ? 'files' : 'unknown';
}

const optionsOf = (verb: VerbSpec): readonly OptionSpec[] => [...verb.options, ...commonOptions];
/** `show ID…` and `config check` are called by their first word. */
const actionsOf = (verb: VerbSpec): (readonly [word: string, about: string])[] =>
  Object.entries(verb.actions ?? {}).map(([action, about]) => [action.split(' ')[0] ?? action, about]);
const flagsOf = ({ name, short }: OptionSpec): string[] => [...(short === undefined ? [] : [`-${short}`]), `--${name}`];

export function bashCompletion(verbs: readonly VerbSpec[]): string {
  const verbCase = (verb: VerbSpec) => {
    const values = optionsOf(verb).flatMap((option) => {
      const kind = valueKind(option);
      if (kind === 'none') return [];
      const does = {
        choices: `_wherry_words '${(option.choices ?? []).join(' ')}'`,
        folders: '_wherry_paths -d',
        files: '_wherry_paths -f',
        unknown: ':',
      }[kind];
      return [`        ${flagsOf(option).join('|')}) ${does}; return ;;`];
    });
    const actions = actionsOf(verb).map(([word]) => word);
    return [
      `    ${verb.name})`,
      ...(values.length === 0 ? [] : ['      case $previous in', ...values, '      esac']),
      `      if [[ $current == -* ]]; then _wherry_words '${optionsOf(verb).flatMap(flagsOf).join(' ')}'`,
      ...(actions.length === 0 ? [] : [`      elif ((COMP_CWORD == 2)); then _wherry_words '${actions.join(' ')}'`]),
      ...(verb.paths === true ? ['      else _wherry_paths -f'] : []),
      '      fi ;;',
    ].join('\n');
  };
  return `# Completion of wherry for bash: source <(wherry completion bash)

_wherry_words() {
  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}

_wherry_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$current"))
}

_wherry() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  # --option=value comes as three words.
  if [[ $current == = ]]; then current=
  elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _wherry_words '${verbs.map(({ name }) => name).join(' ')} help --help --version'
    return
  fi
  case \${COMP_WORDS[1]} in
    help) _wherry_words '${verbs.map(({ name }) => name).join(' ')}' ;;
${verbs.map(verbCase).join('\n')}
  esac
}

complete -F _wherry wherry
`;
}

export function zshCompletion(verbs: readonly VerbSpec[]): string {
  const text = (about: string) => about.replace(/[\\[\]:]/g, (sign) => `\\${sign}`).replaceAll("'", "'\\''");
  const option = (one: OptionSpec) => {
    const kind = valueKind(one);
    const does = {
      choices: `(${(one.choices ?? []).join(' ')})`,
      folders: '_files -/',
      files: '_files',
      unknown: ' ',
      none: '',
    };
    const value = kind === 'none' ? '' : `:${text(one.value ?? '')}:${does[kind]}`;
    const repeats = one.many === true ? '*' : '';
    const flags = flagsOf(one);
    if (flags.length === 1) return `'${repeats}${flags[0]}[${text(one.about)}]${value}'`;
    const excludes = one.many === true ? '' : `(${flags.join(' ')})`;
    return `'${repeats}${excludes}'{${flags.join(',')}}'[${text(one.about)}]${value}'`;
  };
  const verbCase = (verb: VerbSpec) => {
    const actions = actionsOf(verb);
    const first =
      actions.length === 0
        ? []
        : [
            `'1:action:((${actions.map(([word, about]) => `${word}\\:"${text(about).replaceAll('"', '')}"`).join(' ')}))'`,
          ];
    const rest = verb.paths === true ? [`'*:path:_files'`] : actions.length > 0 ? [`'*:id:->ids'`] : [];
    return `    ${verb.name}) _arguments -S ${[...optionsOf(verb).map(option), ...first, ...rest].join(' \\\n      ')} ;;`;
  };
  return `#compdef wherry
# Completion of wherry for zsh: source <(wherry completion zsh), after compinit

_wherry_verbs() {
  local -a verbs=(
${verbs.map(({ name, summary }) => `    '${name}:${text(summary)}'`).join('\n')}
  )
  _describe -t verbs verb verbs
}

_wherry() {
  if ((CURRENT == 2)); then
    _wherry_verbs
    return
  fi
  local verb=$words[2] context state state_descr line
  local -A opt_args
  shift words
  ((CURRENT--))
  case $verb in
    help) _wherry_verbs ;;
${verbs.map(verbCase).join('\n')}
  esac
}

compdef _wherry wherry
`;
}

export function fishCompletion(verbs: readonly VerbSpec[]): string {
  const quoted = (words: string) => `'${words.replace(/[\\']/g, (sign) => `\\${sign}`)}'`;
  const line = (condition: string, rest: string) => `complete -c wherry -n ${quoted(condition)} ${rest}`;
  const of = (verb: VerbSpec) => {
    const inVerb = `__fish_seen_subcommand_from ${verb.name}`;
    const actions = actionsOf(verb);
    const words = actions.map(([word]) => word).join(' ');
    return [
      line('__fish_use_subcommand', `-a ${verb.name} -d ${quoted(verb.summary)}`),
      ...actions.map(([word, about]) =>
        line(`${inVerb}; and not __fish_seen_subcommand_from ${words}`, `-a ${word} -d ${quoted(about)}`),
      ),
      ...(verb.paths === true ? [line(inVerb, '-F')] : []),
      ...optionsOf(verb).map((option) => {
        const kind = valueKind(option);
        const value = {
          choices: ` -x -a ${quoted((option.choices ?? []).join(' '))}`,
          folders: ` -x -a '(__fish_complete_directories)'`,
          files: ' -r -F',
          unknown: ' -x',
          none: '',
        }[kind];
        const short = option.short === undefined ? '' : ` -s ${option.short}`;
        return line(inVerb, `-l ${option.name}${short}${value} -d ${quoted(option.about)}`);
      }),
    ];
  };
  return `# Completion of wherry for fish: wherry completion fish > ~/.config/fish/completions/wherry.fish
complete -c wherry -f
${verbs.flatMap(of).join('\n')}
`;
}
