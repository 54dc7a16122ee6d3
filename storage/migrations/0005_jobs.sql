-- Work that goes on behind an answer, and what was erased.

-- A job is durable before anybody is told of it, and belongs to whoever has
-- written his number into `runner` last. One whose heartbeat stops is taken again.
create table f_job (
    number int8 generated always as identity primary key,
    name text not null unique,              -- for URLs; nobody can guess it
    tenant int4 not null,
    client text not null,                   -- who may ask for it
    kind text not null,                     -- what is to be done with the payload
    state "char" not null default 'Q',      -- Q waiting, R running, D done
    created timestamptz not null default clock_timestamp(),
    started timestamptz,
    finished timestamptz,
    expires timestamptz,                    -- of the result; then the row goes
    runner int8,
    heartbeat timestamptz,
    takes int4 not null default 0,          -- how often somebody began with it
    progress text,
    payload bytea,                          -- packed like a body; gone when done
    result bytea                            -- the same
);
alter table f_job alter payload set storage external;
alter table f_job alter result set storage external;
create index f_job_open on f_job (created) where state <> 'D';
create index f_job_expires on f_job (expires) where state = 'D';

-- Parts of a job that were done, written in the transaction that did them: who
-- takes the job again does not do them twice.
create table f_job_step (
    job int8 not null references f_job on delete cascade,
    step int4 not null,
    outcome text not null,
    primary key (job, step)
);

-- Resources that an administrator erased. Nothing of them stays but this.
create table f_erasure (
    number int8 generated always as identity primary key,
    erased timestamptz not null default clock_timestamp(),
    account text not null,                  -- of the operating system
    type text not null,
    id_hash bytea not null,                 -- keyed, so that nobody can try ids
    reason text not null,
    versions int4 not null
);
