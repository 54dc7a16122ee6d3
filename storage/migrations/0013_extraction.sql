-- By which extraction (storage/extraction.h) all resources of a type are indexed. A type without a
-- line: by an earlier one, or nobody knows.
create table f_extraction (type text primary key, number int4 not null);

-- Of what a run writes, and of what a store does; 0: of a program of before.
alter table f_reindex add extraction int4 not null default 0;
alter table f_member add extraction int4 not null default 0;
