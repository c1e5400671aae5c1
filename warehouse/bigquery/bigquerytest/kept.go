//go:build !noduckdb

package bigquerytest

import "strconv"

// message is one message of rows that is kept.
type message struct {
	rows  int64
	bytes []byte
}

func (s *Server) keptTotal(sql string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total, ok := s.totals[sql]
	return total, ok
}

func (s *Server) keepTotal(sql string, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals[sql] = total
}

// streamKey names one of so many streams of a result.
func streamKey(sql string, k, n int64) string {
	return strconv.FormatInt(k, 10) + "/" + strconv.FormatInt(n, 10) + " " + sql
}

func (s *Server) keptMessages(key string) []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages[key]
}

func (s *Server) keepMessages(key string, messages []message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages[key] = messages
}
