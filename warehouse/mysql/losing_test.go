package mysql

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest/middleman"
)

// losing returns a warehouse behind a proxy that changes the packets of the server. change gets the number of the packet
// in its answer and gives the payload to pass on, or false to end the connection.
func losing(t *testing.T, dsn string, change func(n int, payload []byte) ([]byte, bool)) warehouse.Warehouse {
	t.Helper()
	return openDSN(t, middleman.Between(t, dsn, func(client, server net.Conn) { lose(client, server, change) }), nil)
}

func lose(client, server net.Conn, change func(n int, payload []byte) ([]byte, bool)) {
	n, before := 0, byte(0)
	for head := make([]byte, 4); ; n++ {
		if _, err := io.ReadFull(server, head); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32(append(head[:3:3], 0)))
		if _, err := io.ReadFull(server, payload); err != nil {
			return
		}
		if head[3] == 1 && before != 0 { // an answer begins with 1, and within one 1 follows on 0
			n = 0
		}
		before = head[3]
		payload, ok := change(n, payload)
		if !ok {
			return
		}
		out := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
		out[3] = head[3]
		if _, err := client.Write(append(out, payload...)); err != nil {
			return
		}
	}
}

// cuts are ways of a middleman to lose rows of a large result. What is left of it looks like an end to the driver, or
// like nothing.
func cuts(dsn string) map[string]func(t *testing.T) warehouse.Warehouse {
	at := func(change func(payload []byte) ([]byte, bool)) func(t *testing.T) warehouse.Warehouse {
		return func(t *testing.T) warehouse.Warehouse {
			t.Helper()
			return losing(t, dsn, func(n int, payload []byte) ([]byte, bool) {
				if n == 2500 {
					return change(payload)
				}
				return payload, true
			})
		}
	}
	return map[string]func(t *testing.T) warehouse.Warehouse{
		"the connection ends":           at(func([]byte) ([]byte, bool) { return nil, false }),
		"an end packet comes too early": at(func([]byte) ([]byte, bool) { return []byte{0xfe, 0, 0, 2, 0}, true }),
	}
}
