-- Search parameters come and go while servers run.

-- What is kept of each parameter's definition, so that resources are written by one
-- that is gone until nobody searches by it any more; null: it was gone before this was kept.
-- State: B being indexed, R ready, G going (written, not searched), D dead (neither; what is
-- stored by it is being removed), X its rows are removed.
alter table f_parameter add column about text;
update f_parameter set state = 'D' where state = 'G';

-- The stores that have connections now, and up to which number everything that each of
-- them has under way knows the parameters.
create table f_member (
    id int8 primary key,
    number int8 not null,
    said timestamptz not null default clock_timestamp()
);

-- What an operator chose: see isthmus index.
create table f_choice (name text primary key, value text not null);

-- SearchParameter resources (type 122) may be parameters of this server, if it was so chosen.
-- Fired when everything else of the transaction is done, so that nobody waits for the
-- row of f_meta for longer than a commit takes.
create function f_tell_parameter() returns trigger language plpgsql as $$
begin
    if exists (select from f_choice where name = 'parameters' and value = 'stored') then
        insert into f_meta values ('packages', '1') on conflict (key) do update
            set value = convert_to((convert_from(f_meta.value, 'UTF8')::int8 + 1)::text, 'UTF8');
        perform pg_notify('isthmus_packages', '');
    end if;
    return null;
end
$$;
create constraint trigger f_other_parameter_new after insert or update on f_other
    deferrable initially deferred for each row when (new.rtype = 122)
    execute function f_tell_parameter();
create constraint trigger f_other_parameter_gone after delete on f_other
    deferrable initially deferred for each row when (old.rtype = 122)
    execute function f_tell_parameter();
