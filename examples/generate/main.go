// Command generate writes the customers of the quickstart example: the same ones each time.
package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	file      = "quickstart/data/customers.csv"
	customers = 2400
)

// Names as people have them: with apostrophes, accents, hyphens, commas, other scripts, and much else that a CRM must
// take as it is.
var (
	first = []string{
		"Ada", "Grace", "Linus", "Zoë", "Björn", "Søren", "Chloé", "José", "María", "Łukasz", "Ngọc", "Siobhán", "D'Arcy",
		"Jean-Luc", "Anne Marie", "李", "美咲", "Иван", "Ольга", "Ελένη", "محمد", "נועה", "अमित", "ジョン", "Þóra", "Žofia", "Ümit",
		"Noël", "Mary-Kate", "X Æ A-12", "🦊 Robin", "Null", "Jo",
	}
	last = []string{
		"Lovelace", "Hopper", "O'Brien", "O’Neill", "Müller", "Ångström", "van der Berg", "de la Cruz", "Núñez", "Wałęsa",
		"Nguyễn", "Smith, Jr.", "St. John-Smythe", "小龍", "佐藤", "Петров", "Παπαδοπούλου", "الخوارزمي", "כהן", "शर्मा", "\"Bobby\" Tables",
		"Null", "Test", "True", "NaN", "1e5", "=SUM(A1:A9)", "<b>Bold</b>", "Drop Table", "Wolfe\u00adschlegel\u00adstein\u00adhausen", "Ng",
	}
	plans     = []string{"free", "free", "free", "pro", "pro", "team", "enterprise"}
	countries = []string{"GB", "DE", "FR", "US", "JP", "BR", "IN", "NL", "SE", "NG"}
)

func main() {
	log.SetFlags(0)
	if err := write(); err != nil {
		log.Fatalf("generate %s: %v", file, err)
	}
}

func write() error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	w := csv.NewWriter(out)
	records := [][]string{{"customer_id", "email", "first_name", "last_name", "plan", "country", "lead_score", "lifetime_value", "created_at", "updated_at"}}
	random := rand.New(rand.NewPCG(2026, 11))
	for id := 1; id <= customers; id++ {
		records = append(records, customer(random, id))
	}
	if err := w.WriteAll(records); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func customer(random *rand.Rand, id int) []string {
	given, family := first[random.IntN(len(first))], last[random.IntN(len(last))]
	email := fmt.Sprintf("%s%d@example.com", ascii(given+"."+family), id)
	switch id {
	case 17: // the CRM will refuse this one
		email = "grace.hopper(at)example.com"
	case 404: // and this one never gets that far
		email = ""
	}
	if id%9 == 0 {
		given = "" // not everybody tells
	}
	created := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.Int64N(7*365*24*3600)) * time.Second)
	updated := created.Add(time.Duration(random.Int64N(300*24*3600)) * time.Second)
	return []string{
		strconv.Itoa(id), email, given, family, plans[random.IntN(len(plans))], countries[random.IntN(len(countries))],
		strconv.Itoa(random.IntN(101)), fmt.Sprintf("%d.%02d", random.IntN(20_000), random.IntN(100)),
		created.Format(time.DateTime), updated.Format(time.DateTime),
	}
}

// ascii keeps what an address may hold.
func ascii(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r == '.' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			b.WriteRune(r)
		}
	}
	return strings.Trim("c"+b.String(), ".")
}
