package bigquery

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"spillway/warehouse"
)

// Config is whose BigQuery is read, as whom, and for how much at most.
type Config struct {
	Project            string           `toml:"project" required:"true" help:"Project in which queries run and to which they are billed."`
	Dataset            string           `toml:"dataset" help:"Dataset of tables that a model names without one."`
	Location           string           `toml:"location" help:"Where queries run, such as EU or us-east1. Default: where the tables are."`
	Credentials        warehouse.Secret `toml:"credentials" help:"JSON of a service account's key, or of workload identity federation. Default: application default credentials."`
	MaximumBytesBilled int64            `toml:"maximum_bytes_billed" help:"Most bytes that one query may bill; one that would bill more fails before it costs anything. 0 is unlimited."`
	StatementTimeout   time.Duration    `toml:"statement_timeout" default:"30m" help:"Longest time that a query may run; 0 is unlimited."`
	StorageRead        string           `toml:"storage_read" default:"auto" enum:"auto,never" help:"Whether large results come over the Storage Read API, which is several times faster, where the account may use it."`
	Endpoint           string           `toml:"endpoint" help:"URL of another server for the REST API, such as a stand-in or a private endpoint. Without credentials none are sent to it."`
	StorageEndpoint    string           `toml:"storage_endpoint" help:"Host and port of another server for the Storage Read API; in plain text where there are no credentials."`
}

const never = "never"

func (c Config) validate() error {
	switch {
	case c.Project == "":
		return errors.New("project is missing: name the one in which queries run and to which they are billed")
	case strings.Contains(c.Dataset, "`"):
		return errors.New("dataset is a name without quotes, such as \"analytics\" or \"project.analytics\"")
	case c.MaximumBytesBilled < 0:
		return errors.New("maximum_bytes_billed cannot be negative: 0 is unlimited")
	case c.StatementTimeout < 0:
		return errors.New("statement_timeout cannot be negative: 0 is unlimited")
	}
	if c.StorageEndpoint != "" && c.Endpoint == "" && c.Credentials == nil {
		return errors.New("storage_endpoint without credentials is for a stand-in: set endpoint too")
	}
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("endpoint %q is no URL: write it as http://127.0.0.1:9050", c.Endpoint)
		}
	}
	if c.StorageEndpoint != "" {
		if _, _, err := net.SplitHostPort(c.StorageEndpoint); err != nil {
			return fmt.Errorf("storage_endpoint %q is no host and port: write it as 127.0.0.1:9060", c.StorageEndpoint)
		}
	}
	return nil
}

// defaultDataset parts dataset into its project and itself. The project is that of the queries unless it is named.
func (c Config) defaultDataset() (project, dataset string) {
	if project, dataset, ok := strings.Cut(c.Dataset, "."); ok {
		return project, dataset
	}
	return c.Project, c.Dataset
}

// storage reports whether results may come over the Storage Read API. A stand-in for the REST API alone has none.
func (c Config) storage() bool {
	return c.StorageRead != never && (c.Endpoint == "" || c.StorageEndpoint != "")
}
