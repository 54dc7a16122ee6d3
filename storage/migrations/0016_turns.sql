-- Counts the batches that were applied of a partner: who writes one that he read without a lock finds
-- out by it whether anybody else was there meanwhile.
alter table f_partner add turn int8 not null default 0;
