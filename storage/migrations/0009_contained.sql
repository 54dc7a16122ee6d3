-- What resources contain (R4 search.html#contained), a row each: for searches that ask for it and
-- for chains that lead there. `rkey` is a keyed hash of the container's and of the id within it;
-- side rows stand in the tables of all others, under this key and hashes of their own. Two may have
-- the same id, which validation would refuse: the index is not unique.
create table f_contained (
    rkey int8 not null,
    container int8 not null,      -- rkey of the resource that contains it; the next four are its
    updated timestamptz not null,
    tenant int4 not null,
    ver int4 not null,
    rtype int2 not null,          -- number of the contained type
    op "char" not null,
    id text not null,             -- as in MedicationRequest/23#m1
    toks int8[] not null,
    body bytea not null           -- JSON as it is
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.02);
create index f_contained_rkey on f_contained (rkey);
create index f_contained_container on f_contained (container);
create index f_contained_rtype_rkey on f_contained (rtype, rkey);
create index f_contained_toks on f_contained using gin (toks) with (gin_pending_list_limit = 256);
