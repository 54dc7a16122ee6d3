-- Who created a resource because nothing matched its criteria. A row stands for criteria of one
-- type and tenant; two who found nothing at the same time cannot both write it. Needed only
-- until nobody is left who looked before it was there, then removed in bulk.
create table f_key (
    key int8 primary key,         -- keyed hash of tenant, type and criteria
    holder int8 not null,         -- write id of the last who created
    made timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_insert_scale_factor = 0.2);
create index f_key_made on f_key using brin (made);
