-- The tables of the store.
--
-- One table per hot type and f_other for the rest, all with the same columns and
-- one row per resource. Nothing that changes with every version (ver, updated,
-- body) is in an index, so that updates which change no search value stay
-- inside their page (HOT). Names of indexes are <table>_<columns>.

create function f_make_table(name text, with_patient bool, with_code bool, with_d bool,
                             with_vq bool, is_shared bool) returns void language plpgsql as $$
begin
    execute format($ddl$
        create table %I (
            rkey int8 not null,           -- keyed hash of tenant, type and id
            patient int8,                 -- rkey of the principal patient; a Patient's own
            code int8,                    -- first coding of the code parameter
            d timestamptz,                -- main date, from
            dhi timestamptz,              -- main date, to
            updated timestamptz not null, -- meta.lastUpdated
            vq float8,                    -- main quantity
            vqu int8,                     -- its unit
            tenant int4 not null,
            ver int4 not null,            -- meta.versionId
            rtype int2 not null,          -- number of the type
            op "char" not null,           -- how this version came about: C, U
            id text not null,
            toks int8[] not null,         -- tokens of all parameters
            body bytea not null           -- dictionary id, then zstd
        ) with (fillfactor = 85,
                autovacuum_vacuum_scale_factor = 0.02,
                autovacuum_vacuum_insert_scale_factor = 0.05,
                autovacuum_analyze_scale_factor = 0.02)
        $ddl$, name);
    execute format('alter table %I alter body set storage external', name);
    execute format('create unique index %I on %I (rkey)', name || '_rkey', name);
    if with_patient and with_code then
        execute format('create index %I on %I (patient, code, d)', name || '_patient_code_d', name);
    end if;
    if with_patient then
        execute format('create index %I on %I (patient, d)', name || '_patient_d', name);
    end if;
    if with_code then
        execute format('create index %I on %I (code, d)', name || '_code_d', name);
    end if;
    if with_vq then
        execute format('create index %I on %I (code, vq) where vq is not null',
                       name || '_code_vq', name);
    end if;
    if is_shared then
        execute format('create index %I on %I (rtype, d)', name || '_rtype_d', name);
        execute format('create index %I on %I (rtype, rkey)', name || '_rtype_rkey', name);
    elsif with_d then
        execute format('create index %I on %I (d)', name || '_d', name);
    end if;
    execute format('create index %I on %I using gin (toks) with (gin_pending_list_limit = 256)',
                   name || '_toks', name);
end
$$;

--                    name                        patient code   d      vq     shared
select f_make_table('f_other',                    true,   true,  true,  true,  true);
select f_make_table('f_patient',                  false,  false, true,  false, false);
select f_make_table('f_encounter',                true,   true,  true,  false, false);
select f_make_table('f_observation',              true,   true,  true,  true,  false);
select f_make_table('f_condition',                true,   true,  true,  false, false);
select f_make_table('f_procedure',                true,   true,  true,  false, false);
select f_make_table('f_medication_request',       true,   true,  true,  false, false);
select f_make_table('f_diagnostic_report',        true,   true,  true,  false, false);
select f_make_table('f_immunization',             true,   true,  true,  false, false);
select f_make_table('f_allergy_intolerance',      true,   true,  true,  false, false);
select f_make_table('f_claim',                    true,   false, true,  false, false);
select f_make_table('f_explanation_of_benefit',   true,   false, true,  false, false);
select f_make_table('f_document_reference',       true,   true,  true,  false, false);
select f_make_table('f_care_plan',                true,   true,  true,  false, false);
select f_make_table('f_care_team',                true,   true,  true,  false, false);
select f_make_table('f_service_request',          true,   true,  true,  false, false);
select f_make_table('f_practitioner',             false,  false, false, false, false);
select f_make_table('f_organization',             false,  false, false, false, false);

drop function f_make_table;

-- Secondary values of search parameters. `h` is the hash of the parameter.
create table f_str (h int8 not null, norm text not null, rkey int8 not null);
create index f_str_h_norm on f_str (h, norm text_pattern_ops, rkey);

create table f_date (h int8 not null, lo timestamptz not null, hi timestamptz not null,
                     rkey int8 not null);
create index f_date_h_lo on f_date (h, lo, hi, rkey);

create table f_qty (h int8 not null, lo float8 not null, hi float8 not null, unit int8,
                    rkey int8 not null);
create index f_qty_h_lo on f_qty (h, lo, hi, unit, rkey);

-- Codes that ever stood behind the first coding: searches for them go by token.
create table f_code (
    tenant int4 not null,
    rtype int2 not null,
    code int8 not null,
    n int8 not null,
    primary key (tenant, rtype, code)
);

-- Superseded versions, and deletions (op D, body empty). Never updated.
create table f_hist (
    rkey int8 not null,
    updated timestamptz not null,
    ver int4 not null,
    tenant int4 not null,
    rtype int2 not null,
    op "char" not null,           -- C, U, D
    patients int8[] not null,     -- whose it was, as of this version
    id text not null,
    body bytea not null
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
alter table f_hist alter body set storage external;
create unique index f_hist_rkey_ver on f_hist (rkey, ver);

-- Every write, in an order that can be followed: by (xact, seq), where xact is
-- below the oldest transaction still running.
create sequence f_seq;
create table f_log (
    xact xid8 not null default pg_current_xact_id(),
    seq int8 not null default nextval('f_seq'),
    rkey int8 not null,
    updated timestamptz not null,
    write_id int8 not null,       -- chosen by the writer, to find out what became of it
    tenant int4 not null,
    ver int4 not null,
    rtype int2 not null,
    op "char" not null,           -- C, U, D
    patients int8[] not null,
    id text not null
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
create unique index f_log_xact_seq on f_log (xact, seq);
create index f_log_history on f_log (tenant, rtype, updated, seq);

-- Hash key, feed epoch, system identifier.
create table f_meta (key text primary key, value bytea not null);

-- Dictionaries of bodies, kept as long as one body needs them.
create table f_dictionary (
    id int4 primary key,
    made timestamptz not null default clock_timestamp(),
    content bytea not null
);
