package diffstoretest

import (
	"os"
	"testing"
)

// memoryDir is where Linux keeps files in memory.
const memoryDir = "/dev/shm"

// tempDir returns a directory that is removed after the test. It is in memory where that can be had: the suite makes
// and removes so many files that it would wait for the disk most of its time.
func tempDir(t *testing.T) string {
	t.Helper()
	if info, err := os.Stat(memoryDir); err != nil || !info.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memoryDir, "spillway-test-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
