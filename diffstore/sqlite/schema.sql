-- The snapshot of one sync. Version 1.

create table about (
    sync    blob    not null, -- the name of the sync
    proof   blob    not null, -- the keyed sum of a constant: tells whether the key file belongs to this snapshot
    nonce   blob    not null, -- random, other in every snapshot
    version integer not null  -- counts what altered the snapshot
) strict;

create table keys (
    row           integer primary key,
    key           blob    not null unique,
    flags         integer not null,
    sum           blob, -- of the record last accepted, like detail and id
    detail        blob,
    id            blob,
    tried_sum     blob, -- of the record last tried and not accepted
    tried_id      blob,
    token         blob,
    batch         blob,
    refusals      integer not null,
    since         integer, -- nanoseconds since 1970
    code          text,
    next_sum      blob, -- of the attempt that is under way
    next_detail   blob,
    prior_shadow  blob
) strict;

create index keys_under_way on keys (row) where flags & 8; -- open
create index keys_refused on keys (row) where refusals > 0;

create table ids (
    row      integer not null,
    place    integer not null,
    id       blob    not null,
    flags    integer not null,
    shadow   blob,
    token    blob,
    batch    blob,
    refusals integer not null,
    since    integer,
    code     text,
    primary key (row, place)
) strict, without rowid;

create index ids_by_id on ids (id);
create index ids_under_way on ids (row) where flags & 8;
create index ids_refused on ids (row) where refusals > 0;
