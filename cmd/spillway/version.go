package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	destinationsall "spillway/destinations/all"
	warehouseall "spillway/warehouse/all"
)

// release is set when a release is built: -ldflags "-X main.release=1.2.3".
var release = "dev"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version and what is built in", Args: noArguments,
		Example: "  spillway version --json",
		RunE: func(*cobra.Command, []string) error {
			var warehouses, services []string
			for _, d := range warehouseall.Definitions() {
				warehouses = append(warehouses, d.Name)
			}
			for _, d := range destinationsall.Definitions() {
				services = append(services, d.Name)
			}
			if a.json {
				return a.printJSON(map[string]any{
					"version": release, "commit": commit(), "go": runtime.Version(), "warehouses": warehouses, "destinations": services,
				})
			}
			a.printf("spillway %s %s %s/%s\n", release, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			a.printf("warehouses:   %s\n", joined(warehouses))
			a.printf("destinations: %s\n", joined(services))
			return nil
		},
	}
}

func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
