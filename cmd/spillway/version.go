package main

import (
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	destinationsall "spillway/destinations/all"
	warehouseall "spillway/warehouse/all"
)

// release is set when a release is built: -ldflags "-X main.release=1.2.3".
var release = "dev"

// optional are the kinds of warehouse that a build tag leaves out of the binary, for their drivers are large.
var optional = []struct{ kind, tag string }{
	{"duckdb", "noduckdb"},
	{"snowflake", "nosnowflake"},
	{"bigquery", "nobigquery"},
}

// drivers are the modules through which warehouses are read.
var drivers = []struct{ name, module string }{
	{"duckdb", "github.com/duckdb/duckdb-go-bindings"},
	{"pgx", "github.com/jackc/pgx/v5"},
	{"go-sql-driver/mysql", "github.com/go-sql-driver/mysql"},
	{"gosnowflake", "github.com/snowflakedb/gosnowflake/v2"},
	{"bigquery", "cloud.google.com/go/bigquery"},
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version and what is built in", Args: noArguments,
		Long: `Version lists the kinds of warehouse and destination that this binary can talk to, the drivers in it with their
versions, and what a build tag left out: noduckdb, nosnowflake and nobigquery each keep a large driver away.`,
		Example: "  spillway version --json",
		RunE: func(*cobra.Command, []string) error {
			var warehouses, services []string
			for _, d := range warehouseall.Definitions() {
				warehouses = append(warehouses, d.Name)
			}
			for _, d := range destinationsall.Definitions() {
				services = append(services, d.Name)
			}
			inside, out := driverVersions(), leftOut(warehouses)
			if a.json {
				return a.printJSON(map[string]any{
					"version": release, "commit": commit(), "go": runtime.Version(), "warehouses": warehouses, "destinations": services,
					"drivers": inside, "left_out": out,
				})
			}
			a.printf("spillway %s %s %s/%s\n", release, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			a.printf("warehouses:   %s\n", joined(warehouses))
			a.printf("destinations: %s\n", joined(services))
			var list []string
			for _, d := range drivers {
				if version, ok := inside[d.name]; ok {
					list = append(list, d.name+" "+version)
				}
			}
			if len(list) > 0 {
				a.printf("drivers:      %s\n", joined(list))
			}
			if len(out) > 0 {
				a.printf("left out:     %s\n", joined(out))
			}
			return nil
		},
	}
}

// leftOut are the kinds of warehouse that this binary was built without.
func leftOut(warehouses []string) []string {
	out := []string{}
	for _, o := range optional {
		if !slices.Contains(warehouses, o.kind) {
			out = append(out, o.kind)
		}
	}
	return out
}

// driverVersions are the drivers in this binary. A build without module information knows none.
func driverVersions() map[string]string {
	versions := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, m := range info.Deps {
		for _, d := range drivers {
			if m.Path == d.module {
				versions[d.name] = m.Version
			}
		}
	}
	return versions
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
