-- What a partner itself calls less than the whole; and the snapshots that are to be compared.
alter table f_sync_window add partial bool not null default false;
drop index f_sync_window_given_up;
create index f_sync_window_given_up on f_sync_window (partner, number) where state = 'I' or partial;
create index f_sync_window_snapshots on f_sync_window (partner, number)
    where snapshot and state = 'C' and not reconciled and not partial;
