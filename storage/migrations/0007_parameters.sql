-- Search parameters of packages, and what has been indexed by them.

-- A parameter's number rises above all others when it comes and when it goes,
-- so that a process is known to know of it by the highest number it has seen.
create sequence f_parameter_number;
create table f_parameter (
    type text not null,
    code text not null,
    version int8 not null,                  -- hash of its definition, part of every token
    state "char" not null default 'B',      -- B being indexed, R ready, G gone: its rows are to go
    number int8 not null default nextval('f_parameter_number'),
    fenced bool not null default false,     -- who does not know it may not connect any more
    primary key (type, code, version)
);

-- How far the resources of a type have been indexed anew.
create table f_reindex (
    type text primary key,
    number int8 not null,                   -- parameters up to this one will be ready
    cleaned bool not null default false,    -- what others wrote by them before is gone
    last int8,                              -- rkey up to which it is done
    done int8 not null default 0,
    total int8 not null default 0,
    finished timestamptz
);
