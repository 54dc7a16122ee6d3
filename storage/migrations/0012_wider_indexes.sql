-- Indexes from which more can be answered without looking at rows.

-- Who has a code: the patients of a code, for `_has`.
do $$
declare
    name text;
begin
    foreach name in array array['f_encounter', 'f_observation', 'f_condition', 'f_procedure',
                                'f_medication_request', 'f_diagnostic_report', 'f_immunization',
                                'f_allergy_intolerance', 'f_document_reference', 'f_care_plan',
                                'f_care_team', 'f_service_request'] loop
        execute format('drop index %I', name || '_code_d');
        execute format('create index %I on %I (code, d) include (patient)', name || '_code_d', name);
    end loop;
end
$$;

-- Pages of one value that thousands of rows have go on by key.
drop index f_observation_code_vq;
create index f_observation_code_vq on f_observation (code, vq, rkey) where vq is not null;
