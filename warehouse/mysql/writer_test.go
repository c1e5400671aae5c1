package mysql

import (
	"testing"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	warehousetest.Writer(t, func(t *testing.T) warehouse.Writer {
		w, err := Definition().OpenWriter(t.Context(), &Config{DSN: secret(dsn), StatementTimeout: time.Minute}, warehouse.Env{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		return w
	}, openDSN(t, dsn, nil), quote, "")
}
