-- The words of resources, for _text and _content: a row for each that has some, under the hash of
-- the parameter, in a table beside that of its type. They are made by PostgreSQL's text search.

-- Of words as the program hands them over, with a line break between texts: there a word is put
-- that no text has, so that no phrase reaches across, and taken out again. The parameter is a word
-- that none has either, since theirs are in small letters: with it the index of several parameters
-- finds those of one.
create function f_words(configuration text, h int8, words text) returns tsvector
language sql stable parallel safe as $$
    select ts_delete(to_tsvector(configuration::regconfig, replace(words, E'\n', ' 0.0 ')), '0.0')
        || array_to_tsvector(array[upper(to_hex(h))])
$$;

-- What finds them. Null when the configuration leaves nothing of the words: `@@` finds none then.
create function f_words_asked(configuration text, h int8, asked text) returns tsquery
language sql stable parallel safe as $$
    select case when numnode(to_tsquery(configuration::regconfig, asked)) > 0
        then ('''' || upper(to_hex(h)) || '''')::tsquery
            && to_tsquery(configuration::regconfig, asked) end
$$;

do $$
declare
    name text;
begin
    foreach name in array array['f_other', 'f_patient', 'f_encounter', 'f_observation',
                                'f_condition', 'f_procedure', 'f_medication_request',
                                'f_diagnostic_report', 'f_immunization', 'f_allergy_intolerance',
                                'f_claim', 'f_explanation_of_benefit', 'f_document_reference',
                                'f_care_plan', 'f_care_team', 'f_service_request',
                                'f_practitioner', 'f_organization', 'f_contained'] loop
        execute format($ddl$
            create table %I (h int8 not null, rkey int8 not null, words tsvector not null)
            with (autovacuum_vacuum_scale_factor = 0.02,
                  autovacuum_vacuum_insert_scale_factor = 0.05,
                  autovacuum_analyze_scale_factor = 0.02)
            $ddl$, name || '_words');
        execute format('create index %I on %I (h, rkey)', name || '_words_h_rkey', name || '_words');
        execute format('create index %I on %I using gin (words) with (gin_pending_list_limit = 256)',
                       name || '_words_words', name || '_words');
    end loop;
end
$$;

-- What is contained goes by its container, of whatever types it is.
create index f_contained_words_rkey on f_contained_words (rkey);

-- Words that were tokens of rows: nobody searches by them any more. What they were chosen for is
-- indexed anew, and the tokens go with it.
update f_extraction set number = 0
where type in (select type from f_parameter
               where code in ('_text', '_content') and state in ('B', 'R', 'G'));
update f_parameter set state = 'D', about = null, fenced = false,
    number = nextval('f_parameter_number')
where code in ('_text', '_content') and state in ('B', 'R', 'G');
