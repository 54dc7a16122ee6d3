-- What windows that are not kept any more have counted, so that the balance of a partner is whole
-- however long ago it began, and short to add up.
create table f_sync_account (
    partner int4 not null references f_partner,
    mode text not null,
    type text not null,
    query_hash int8 not null,
    query text not null,
    complete int8 not null,
    incomplete int8 not null,
    completed timestamptz,
    expected int8 not null,
    landed int8 not null,
    applied int8 not null,
    unchanged int8 not null,
    older int8 not null,
    dead int8 not null,
    primary key (partner, mode, type, query_hash)
);
create index f_sync_window_pull on f_sync_window (partner, mode, type, query_hash, number);

-- Which resources of partners are one of ours; and which a dead letter is about: 16 bytes for each
-- that it is or mentions, null when nobody could read it.
create index f_identity_linked on f_identity (linked) where linked is not null;
alter table f_dead add concerns bytea[];
create index f_dead_concerns on f_dead using gin (concerns) where decided is null;
create index f_dead_unread on f_dead (partner) where decided is null and concerns is null;
create index f_sync_window_given_up on f_sync_window (partner, number) where state = 'I';
