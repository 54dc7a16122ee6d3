-- Dead letters that may be a critical result: shown first, and told at once.
alter table f_dead add critical bool not null default false;
create index f_dead_critical on f_dead (partner, number) where decided is null and critical;
