//go:build linux && !noduckdb

package snowflake

import (
	"os"
	"strings"
	"testing"

	"spillway/warehouse/snowflake/snowflaketest"
)

func TestTheDriverLoadsNoNativeLibrary(t *testing.T) {
	t.Parallel()
	if _, err := run(t, openWith(t, settings(snowflaketest.Start(t))), "select 0"); err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(maps), "sf_mini_core") {
		t.Error("the driver was initialised before package quiet, and loaded its library")
	}
}
