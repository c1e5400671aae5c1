package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"spillway/syncer/project"
	"spillway/syncer/settings"
)

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "fish", "powershell", "zsh"}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print a script that completes commands, syncs and flags in your shell",
		Long: `Completion prints a script for bash, zsh, fish or powershell. Load it in the shell's start-up file, or put it where
the shell looks for completions.`,
		Example: `  source <(spillway completion bash)
  spillway completion zsh > "${fpath[1]}/_spillway"
  spillway completion fish > ~/.config/fish/completions/spillway.fish
  spillway completion powershell | Out-String | Invoke-Expression`,
		Args: arguments("SHELL"), ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			case "zsh":
				return root.GenZshCompletion(a.out)
			}
			return usagef("there is no completion for %s%s", args[0], settings.Hint(args[0], shells))
		},
	}
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Explain a command",
		Example: "  spillway help plan\n  spillway help runs rows",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = subcommand(about, rest)
			}
			if err != nil {
				return usageError{err}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			about, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(about), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// completes returns what completes a command's first argument with names of the project.
func (a *app) completes(names func(*project.Project) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		p, err := a.load()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(p), cobra.ShellCompDirectiveNoFileComp
	}
}

func syncNames(p *project.Project) []string {
	names := make([]string, len(p.Syncs))
	for i, s := range p.Syncs {
		names[i] = s.Name
	}
	return names
}

// selectorNames are the selectors that name something in the project.
func selectorNames(p *project.Project) []string {
	names := syncNames(p)
	for _, s := range p.Syncs {
		for _, tag := range s.Tags {
			names = append(names, "tag:"+tag)
		}
		names = append(names, "destination:"+s.Destination, fmt.Sprintf("model:%s", s.Model))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
