//go:build noduckdb || nosnowflake || nobigquery

package main

// standIns are none in a slim build, which lacks a driver or what its stand-in evaluates SQL with.
func standIns() []place { return nil }

func standInArchives() []archive { return nil }

func standInTests() map[string]func(*suite) { return nil }
