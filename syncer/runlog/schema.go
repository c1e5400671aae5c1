package runlog

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// migrations bring the database from one schema version to the next: the n-th makes version n+1. They are never
// edited once released, only added to.
var migrations = []string{`
create table runs (
	id text primary key, sync text not null, state text not null, phase text not null, trigger text not null,
	started_at integer not null, finished_at integer, duration_ms integer not null,
	source integer not null, same integer not null, added integer not null, changed integer not null,
	removed integer not null, carried integer not null, invalid integer not null, left_behind integer not null,
	accepted integer not null, rejected integer not null, deferred integer not null, unknown integer not null,
	held integer not null, quarantined integer not null,
	requests integer not null, retries integer not null, throttled_ms integer not null, bytes_sent integer not null,
	error_code text not null, error_message text not null, timings text not null,
	config_hash text not null, git_commit text not null
);
create index runs_by_sync on runs (sync, id);
create index runs_by_state on runs (state, id);

create table rows (
	run_id text not null references runs (id) on delete cascade, seq integer not null,
	key text not null, identifier text not null, op text not null, outcome text not null,
	code text not null, reason text not null, attempts integer not null,
	first_seen integer not null, last_seen integer not null,
	primary key (run_id, seq)
) without rowid;
create index rows_by_outcome on rows (run_id, outcome, seq);
create index rows_by_key on rows (key, run_id);

create table error_groups (
	run_id text not null references runs (id) on delete cascade, code text not null, message text not null,
	count integer not null, sample_keys text not null,
	primary key (run_id, code, message)
) without rowid;

create table problems (
	sync text not null, key text not null, attempts integer not null,
	first_seen integer not null, last_seen integer not null, last_run text not null,
	primary key (sync, key)
) without rowid;

create table lines (
	run_id text not null references runs (id) on delete cascade, seq integer not null,
	at integer not null, level text not null, message text not null, attrs text not null,
	primary key (run_id, seq)
) without rowid;

create table settings (name text primary key, value blob not null) without rowid;
`, `
alter table runs add column tick integer;
alter table runs add column asked_by text not null default '';
create unique index runs_by_tick on runs (sync, tick) where tick is not null;

create table queue (run_id text primary key references runs (id) on delete cascade, task text not null) without rowid;

create table requests (
	sync text not null, name text not null, run_id text not null references runs (id) on delete cascade,
	primary key (sync, name)
) without rowid;
create index requests_by_run on requests (run_id);

create table cursors (
	sync text primary key, schedule text not null, ticked integer not null, followed integer not null,
	paused_at integer not null, paused_by text not null
) without rowid;
`, `
alter table runs add column outcomes text not null default '{}';

create table samples (
	run_id text not null references runs (id) on delete cascade, seq integer not null,
	at integer not null, exchange text not null,
	primary key (run_id, seq)
) without rowid;
create index samples_by_time on samples (at);

create table sample_keys (
	key text not null, run_id text not null, seq integer not null,
	primary key (key, run_id, seq),
	foreign key (run_id, seq) references samples (run_id, seq) on delete cascade
) without rowid;
create index sample_keys_by_sample on sample_keys (run_id, seq);
`, `
alter table runs add column exported integer not null default 0;
create index runs_unexported on runs (id) where exported = 0;
`}

// withTicks is the version from which on a run has a tick, and somebody who asked for it.
const withTicks = 2

// withOutcomes is the version from which on a run has its outcomes by kind, and samples.
const withOutcomes = 3

// withExports is the version from which on the log knows which of its runs stand in a warehouse too.
const withExports = 4

// version returns the schema version of a log that this program can read; 0 is that of an empty file.
func version(ctx context.Context, db *sqlx.DB, file string) (int, error) {
	var version int
	if err := db.GetContext(ctx, &version, "pragma user_version"); err != nil {
		return 0, fmt.Errorf("read the version of the run log %s: %w", file, err)
	}
	if version > len(migrations) {
		return 0, fmt.Errorf("the run log %s was written by a newer spillway (version %d, this one knows up to %d); upgrade spillway, or move the file away to start a new log",
			file, version, len(migrations))
	}
	return version, nil
}

func migrate(ctx context.Context, db *sqlx.DB, file string) error {
	version, err := version(ctx, db, file)
	if err != nil {
		return err
	}
	for ; version < len(migrations); version++ {
		tx, err := db.BeginTxx(ctx, nil)
		if err != nil {
			return fmt.Errorf("begin migration %d of the run log: %w", version+1, err)
		}
		_, err = tx.ExecContext(ctx, migrations[version]+fmt.Sprintf("; pragma user_version = %d", version+1))
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			_ = tx.Rollback() // the migration's own error is the one to report
			return fmt.Errorf("migrate the run log to version %d: %w", version+1, err)
		}
	}
	return nil
}
