-- Rows in the order of their last update, without an index on it: with one, no
-- update would stay inside its page.

-- When a row was made never changes, so that it may be in an index; as long as the
-- row is as it was made, that is when it was updated. NULL: made before there was
-- this column, found by its line in the log.
do $$
declare
    name text;
begin
    foreach name in array array['f_other', 'f_patient', 'f_encounter', 'f_observation',
                                'f_condition', 'f_procedure', 'f_medication_request',
                                'f_diagnostic_report', 'f_immunization', 'f_allergy_intolerance',
                                'f_claim', 'f_explanation_of_benefit', 'f_document_reference',
                                'f_care_plan', 'f_care_team', 'f_service_request',
                                'f_practitioner', 'f_organization'] loop
        execute format('alter table %I add column made timestamptz', name);
        execute format('create index %I on %I (%s) where made is not null', name || '_made', name,
                       case when name = 'f_other' then 'rtype, made, rkey' else 'made, rkey' end);
    end loop;
end
$$;

-- The lines of all other versions, and where each version was put: there its row
-- is as long as it has not been moved.
alter table f_log add column place tid, add column made bool;
create index f_log_updates on f_log (tenant, rtype, updated, rkey) where made is not true;
