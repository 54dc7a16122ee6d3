-- Synchronization: what came from partners, what became of it, what went to them.

create table f_partner (
    number int4 generated always as identity primary key,
    tenant int4 not null,
    name text not null,
    version int4 not null,                  -- of the configuration
    paused bool not null default false,
    pause_reason text,
    not_before timestamptz,                 -- the partner said: no request before
    push_epoch int8 not null default 0,     -- how far the change log was planned
    push_xact xid8 not null default '0',
    push_seq int8 not null default 0,
    unique (tenant, name)
);

create table f_partner_config (
    partner int4 not null references f_partner,
    version int4 not null,
    made timestamptz not null default clock_timestamp(),
    config text not null,
    primary key (partner, version)
);

create table f_sync_cursor (
    partner int4 not null references f_partner,
    mode text not null,
    type text not null,
    query_hash int8 not null,               -- queries may be long
    query text not null,
    revision int8 not null,                 -- who moves it names the one that he read
    value text not null,
    moved timestamptz not null default clock_timestamp(),
    primary key (partner, mode, type, query_hash)
);

-- One pull. Its account balances in every transaction.
create table f_sync_window (
    number int8 generated always as identity primary key,
    partner int4 not null references f_partner,
    mode text not null,
    type text not null,
    query_hash int8 not null,
    query text not null,
    state "char" not null default 'O',      -- O open, L landed, C complete, I incomplete
    snapshot bool not null,
    reconciled bool not null default false,
    reason text,
    since text,
    next text,                              -- where the last unit said to go on
    opened timestamptz not null default clock_timestamp(),
    closed timestamptz,
    units int4 not null default 0,
    expected int8 not null default 0,
    landed int8 not null default 0,
    applied int8 not null default 0,
    unchanged int8 not null default 0,
    older int8 not null default 0,
    dead int8 not null default 0,
    waiting int8 not null default 0,
    constraint f_sync_window_balance
        check (landed = applied + unchanged + older + dead + waiting and waiting >= 0)
);
create unique index f_sync_window_open on f_sync_window (partner, mode, type, query_hash)
    where state = 'O';
create index f_sync_window_partner on f_sync_window (partner, number);

-- A page or file. What became of its rows is one letter each: w waiting, f waiting and to be done
-- even if nothing changed, a applied, u unchanged, o older, d dead.
create table f_sync_unit (
    number int8 generated always as identity primary key,
    window_number int8 not null references f_sync_window,
    partner int4 not null,
    url_hash int8 not null,
    landed timestamptz not null default clock_timestamp(),
    size int4 not null,                     -- of the raw bytes
    rows int4 not null,
    waiting int4 not null,
    states bytea not null,
    unique (window_number, url_hash)
);
create index f_sync_unit_waiting on f_sync_unit (partner, number) where waiting > 0;

-- The rows of a unit as they came, end to end, packed like a body.
create table f_landing (unit int8 primary key references f_sync_unit, body bytea not null);
alter table f_landing alter body set storage external;

-- Resources of partners. `local` is the id of ours as 16 bytes, computed from the rest.
create table f_identity (
    local bytea primary key,
    hash int8,                              -- keyed, of the row applied last
    updated timestamptz,                    -- meta.lastUpdated there
    origin int8,                            -- hash of the address it came from first, if not there
    person int8,                            -- of a patient: hashes of birth date and family name
    unit int8 not null,                     -- that wrote this row last
    partner int4 not null references f_partner,
    rtype int2 not null,
    presence "char" not null,               -- M mentioned, P present, A absent once, G gone,
                                            -- D deleted
    version text,                           -- meta.versionId there
    id text not null,                       -- there
    linked text                             -- id of another resource of ours that it is
) with (fillfactor = 90, autovacuum_vacuum_insert_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.02);
create index f_identity_partner on f_identity (partner, rtype);
create index f_identity_origin on f_identity (origin) where origin is not null;

-- What a snapshot has shown: locals end to end.
create table f_sync_seen (
    window_number int8 not null references f_sync_window,
    rtype int2 not null,
    locals bytea not null
);
create index f_sync_seen_window on f_sync_seen (window_number);

create table f_dead (
    number int8 generated always as identity primary key,
    partner int4 not null references f_partner,
    unit int8 not null references f_sync_unit,
    line int4 not null,                     -- of the unit, from 0
    class text not null,
    rule text not null,
    place text,                             -- FHIRPath
    type text,
    id text,                                -- at the partner
    first timestamptz not null default clock_timestamp(),
    tries int4 not null default 1,
    decided text,                           -- null: open; replayed, discarded
    decided_at timestamptz,
    decider text,
    reason text,
    body bytea not null,                    -- the row, packed like a unit
    unique (unit, line)
);
create index f_dead_open on f_dead (partner, number) where decided is null;

-- For each partner and resource of ours, its newest version.
create table f_push (
    partner int4 not null references f_partner,
    rtype int2 not null,
    id text not null,
    state "char" not null,                  -- P planned, S sent, U unknown, C confirmed, F failed
    deletion bool not null,
    wanted_deletion bool not null,
    version int8 not null,                  -- that the state is about
    wanted int8 not null,                   -- a newer one, when that ends
    confirmed int8 not null default 0,
    content int8,                           -- hash of what was sent last
    attempts int4 not null default 0,
    planned timestamptz not null default clock_timestamp(),
    not_before timestamptz,
    remote_id text,
    remote_version text,
    reason text,
    primary key (partner, rtype, id)
) with (fillfactor = 80);
create index f_push_due on f_push (partner, planned) where state in ('P', 'S', 'U');
create index f_push_content on f_push (partner, content) where content is not null;
create index f_push_resource on f_push (rtype, id);
