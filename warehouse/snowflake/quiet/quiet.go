// Package quiet keeps the Snowflake driver from doing what nobody asked for: loading a native library that it writes
// to a temporary directory, and asking the metadata addresses of three clouds where it runs.
//
// The driver reads both settings from the environment, the first one while it is initialised. Go initialises packages
// whose imports are ready in the order of their paths, and this one needs so little that it comes before the driver.
package quiet

import "os"

// Errors holds what could not be set; it is all nil.
var Errors = []error{
	os.Setenv("SF_DISABLE_MINICORE", "true"),
	os.Setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true"),
}
