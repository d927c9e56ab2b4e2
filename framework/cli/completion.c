/* completion.c -- heft completion: scripts for shells
 *
 * They ask `heft help` for verbs and options, so that what is completed is what is there.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "plugin/check.h"

static const char bash_script[] =
    "# bash completion for heft; printed by `heft completion bash`\n"
    "\n"
    "# Verbs, and options of a verb, as its own help lists them.\n"
    "_heft_verbs() { \"$1\" help 2>/dev/null | sed -n 's/^  \\([a-z]*\\)  .*/\\1/p'; }\n"
    "_heft_options() { \"$1\" help \"$2\" 2>/dev/null | sed -n 's/^  \\(--*[A-Za-z-]*\\).*/\\1/p'; }\n"
    "\n"
    "# Files of an ending, and folders.\n"
    "_heft_files() { compgen -f -X \"!*.$1\" -- \"$2\"; compgen -d -S / -- \"$2\"; }\n"
    "\n"
    "_heft() {\n"
    "    local heft=${COMP_WORDS[0]} verb=${COMP_WORDS[1]} sub=${COMP_WORDS[2]}\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= files=\n"
    "    local IFS=$'\\n'\n"
    "    compopt -o nospace 2>/dev/null\n"
    "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
    "        words=\"$(_heft_verbs \"$heft\")\"$'\\n--help\\n--version'\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        words=$(_heft_options \"$heft\" \"$verb\")\n"
    "    elif [[ $prev == --dir || $prev == --run ]]; then\n"
    "        files=$(compgen -d -S / -- \"$cur\")\n"
    "    elif [[ $prev == --only ]]; then\n"
    "        words=$(\"$heft\" completion checks 2>/dev/null)\n"
    "    else\n"
    "        case $verb in\n"
    "        train | check | bench | gradcheck | sweep) files=$(_heft_files yaml \"$cur\") ;;\n"
    "        help) words=$(_heft_verbs \"$heft\") ;;\n"
    "        completion) words=$'bash\\nzsh' ;;\n"
    "        plugins)\n"
    "            case $sub:$COMP_CWORD in\n"
    "            check:[3-9]*) files=$(_heft_files so \"$cur\") ;;\n"
    "            new:3) words=$'layer\\nmetric\\noptimizer\\ninitializer' ;;\n"
    "            new:*) ;;\n"
    "            *:2) words=$'check\\nnew\\n'$(\"$heft\" completion plugins 2>/dev/null) ;;\n"
    "            esac ;;\n"
    "        *) files=$(_heft_files h5 \"$cur\") ;;\n"
    "        esac\n"
    "    fi\n"
    "    # A word is whole and ends with a space; a folder is not.\n"
    "    COMPREPLY=()\n"
    "    local word\n"
    "    for word in $(compgen -W \"$words\" -- \"$cur\"); do COMPREPLY+=(\"$word \"); done\n"
    "    for word in $files; do [[ $word == */ ]] && COMPREPLY+=(\"$word\") || COMPREPLY+=(\"$word \"); done\n"
    "}\n"
    "complete -F _heft heft\n";

static const char zsh_script[] =
    "#compdef heft\n"
    "# zsh completion for heft; printed by `heft completion zsh`\n"
    "\n"
    "# \"name:what it is\" of the lines of a help: verbs, or options of a verb.\n"
    "_heft_verbs() { \"$1\" help 2>/dev/null | sed -n 's/^  \\([a-z]*\\)  *\\(.*\\)/\\1:\\2/p' }\n"
    "_heft_options() { \"$1\" help \"$2\" 2>/dev/null | sed -n 's/^  \\(--*[A-Za-z-]*\\)[^ ]*  *\\(.*\\)/\\1:\\2/p' }\n"
    "\n"
    "_heft() {\n"
    "    local heft=$words[1] verb=$words[2] prev=$words[CURRENT-1]\n"
    "    local -a list\n"
    "    if (( CURRENT == 2 )); then\n"
    "        list=(\"${(@f)$(_heft_verbs $heft)}\" '--help:the list of verbs' '--version:print the version')\n"
    "        _describe 'verb' list\n"
    "    elif [[ $words[CURRENT] == -* ]]; then\n"
    "        list=(\"${(@f)$(_heft_options $heft $verb)}\")\n"
    "        _describe 'option' list\n"
    "    elif [[ $prev == --dir || $prev == --run ]]; then\n"
    "        _files -/\n"
    "    elif [[ $prev == --only ]]; then\n"
    "        list=(\"${(@f)$($heft completion checks 2>/dev/null)}\")\n"
    "        _describe 'check' list\n"
    "    else\n"
    "        case $verb in\n"
    "        train | check | bench | gradcheck | sweep) _files -g '*.yaml' ;;\n"
    "        help) list=(\"${(@f)$(_heft_verbs $heft)}\"); _describe 'verb' list ;;\n"
    "        completion) _values 'shell' bash zsh ;;\n"
    "        plugins)\n"
    "            if (( CURRENT == 3 )); then\n"
    "                list=(check new \"${(@f)$($heft completion plugins 2>/dev/null)}\")\n"
    "                _describe 'plugin' list\n"
    "            elif [[ $words[3] == check ]]; then _files -g '*.so'\n"
    "            elif [[ $words[3] == new && CURRENT -eq 4 ]]; then _values 'kind' layer metric optimizer initializer\n"
    "            fi ;;\n"
    "        *) _files -g '*.h5' ;;\n"
    "        esac\n"
    "    fi\n"
    "}\n"
    "\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _heft \"$@\"; else compdef _heft heft; fi\n";

/* Names of all plugins, a line each; opens none of them. */
static void print_plugins(void)
{
    static const heft_kind kinds[] = { HEFT_LAYER, HEFT_OPTIMIZER, HEFT_INITIALIZER };
    registry *r = registry_new(0, NULL);
    for (int k = 0; k < 3; k++) {
        const char *const *names = registry_names(r, kinds[k]);
        for (int i = 0; names[i]; i++) puts(names[i]);
    }
    registry_free(r);
}

static void print_checks(void)
{
    arena *a = arena_new();
    for (heft_kind k = HEFT_LAYER; k <= HEFT_INITIALIZER; k++) {
        const char *const *names = check_names(a, k);
        for (int i = 0; names[i]; i++)
            if (k == HEFT_LAYER || !check_doc(HEFT_LAYER, names[i])) puts(names[i]);
    }
    arena_free(a);
}

int verb_completion(int argc, char **argv)
{
    static const char usage[] = "heft completion bash|zsh";
    static const char *const what[] = { "bash", "zsh", "plugins", "checks", NULL };
    cli_args args;
    if (cli_read(argc, argv, NULL, 1, 1, usage, &args) < 0) return EXIT_USAGE;
    int i = 0;
    while (what[i] && strcmp(what[i], args.arg[0])) i++;
    switch (i) {
    case 0: fputs(bash_script, stdout); break;
    case 1: fputs(zsh_script, stdout); break;
    case 2: print_plugins(); break;
    case 3: print_checks(); break;
    default:
        fprintf(stderr, "heft: error: there is no completion for '%s'; shells are bash and zsh (plugins, checks: lists for them)\nusage: %s\n",
                args.arg[0], usage);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}
