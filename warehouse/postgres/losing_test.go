package postgres

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest/middleman"
)

// losing returns a warehouse behind a proxy that changes what the server answers. change says whether a message is
// passed on.
func losing(t *testing.T, dsn string, change func(rows int, message pgproto3.BackendMessage) bool) warehouse.Warehouse {
	t.Helper()
	return openDSN(t, middleman.Between(t, dsn, func(client, server net.Conn) { lose(client, server, change) }), nil)
}

func lose(client, server net.Conn, change func(rows int, message pgproto3.BackendMessage) bool) {
	from, to := pgproto3.NewFrontend(server, server), pgproto3.NewBackend(client, client)
	rows := 0
	for {
		message, err := from.Receive()
		if err != nil {
			return
		}
		switch message.(type) {
		case *pgproto3.RowDescription:
			rows = 0
		case *pgproto3.DataRow:
			rows++
		}
		if !change(rows, message) {
			continue
		}
		to.Send(message)
		if to.Flush() != nil {
			return
		}
	}
}

// cuts are ways of a middleman to lose rows of a large result.
func cuts(dsn string) map[string]func(t *testing.T) warehouse.Warehouse {
	lost := func(which func(rows int) bool) func(t *testing.T) warehouse.Warehouse {
		return func(t *testing.T) warehouse.Warehouse {
			t.Helper()
			return losing(t, dsn, func(rows int, message pgproto3.BackendMessage) bool {
				_, isRow := message.(*pgproto3.DataRow)
				return !isRow || !which(rows)
			})
		}
	}
	return map[string]func(t *testing.T) warehouse.Warehouse{
		"one row is lost":         lost(func(rows int) bool { return rows == 2500 }),
		"the last row is lost":    lost(func(rows int) bool { return rows == 5000 }),
		"all but a few are lost":  lost(func(rows int) bool { return rows > 100 }),
		"the second half is lost": lost(func(rows int) bool { return rows > 2500 }),
	}
}
