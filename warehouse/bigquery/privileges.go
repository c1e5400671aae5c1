package bigquery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"spillway/warehouse"
)

var _ warehouse.Inspector = (*bigquery)(nil)

// probe is the name of what is never made: dry runs alone ask for it.
const probe = "spillway_probe"

// Privileges asks by dry runs, which write nothing and cost nothing, whether the account might write.
func (b *bigquery) Privileges(ctx context.Context) (warehouse.Privileges, error) {
	job, err := b.dryRun(ctx, warehouse.Query{SQL: "SELECT 1"})
	if err != nil {
		return warehouse.Privileges{}, err
	}
	out := warehouse.Privileges{Role: cmp.Or(job.UserEmail, "the account"), Script: b.readerScript(job.UserEmail)}
	probes := [][2]string{{"may create datasets in " + b.config.Project, "CREATE SCHEMA " + quote(b.config.Project, probe)}}
	if b.config.Dataset != "" {
		project, dataset := b.config.defaultDataset()
		probes = append(probes, [2]string{"may create tables in " + project + "." + dataset, "CREATE TABLE " + quote(project, dataset, probe) + " (id INT64)"})
	}
	for _, p := range probes {
		_, err := b.dryRun(ctx, warehouse.Query{SQL: p[1]})
		if err == nil {
			out.Excess = append(out.Excess, p[0])
			continue
		}
		if e, ok := errors.AsType[*warehouse.Error](err); !ok || e.Temporary {
			return warehouse.Privileges{}, err
		}
	}
	return out, nil
}

// readerScript gives an account what reading takes, and nothing else.
func (b *bigquery) readerScript(account string) string {
	if account == "" {
		account = "spillway-reader@" + b.config.Project + ".iam.gserviceaccount.com"
	}
	member := "user:" + account
	if strings.HasSuffix(account, ".gserviceaccount.com") {
		member = "serviceAccount:" + account
	}
	var script strings.Builder
	for _, role := range []string{"roles/bigquery.jobUser", "roles/bigquery.readSessionUser"} {
		fmt.Fprintf(&script, "gcloud projects add-iam-policy-binding %s --member %s --role %s --condition None\n", b.config.Project, member, role)
	}
	project, dataset := b.config.Project, "EACH_DATASET_THAT_MODELS_READ"
	if b.config.Dataset != "" {
		project, dataset = b.config.defaultDataset()
	}
	fmt.Fprintf(&script, "bq query --use_legacy_sql=false 'GRANT `roles/bigquery.dataViewer` ON SCHEMA %s TO \"%s\"'\n", quote(project, dataset), member)
	return script.String()
}
