-- Indexes for searches that the first tables left to scans.

-- Side rows of one resource: when a criterion on them is not what drives a
-- search, it is checked row by row; and values to sort by are fetched so.
create index f_str_rkey on f_str (rkey, h);
create index f_date_rkey on f_date (rkey, h);
create index f_qty_rkey on f_qty (rkey, h);

-- Rows that last longer than a day of UTC. `date=ge...` asks for whatever ends
-- late enough; all other rows end on the day they begin, so that the index on d
-- finds them, and only these few need to be asked for their end.
do $$
declare
    name text;
begin
    foreach name in array array['f_patient', 'f_encounter', 'f_observation', 'f_condition',
                                'f_procedure', 'f_medication_request', 'f_diagnostic_report',
                                'f_immunization', 'f_allergy_intolerance', 'f_claim',
                                'f_explanation_of_benefit', 'f_document_reference',
                                'f_care_plan', 'f_care_team', 'f_service_request'] loop
        execute format($ddl$
            create index %I on %I (dhi)
            where date_bin('1 day', d, '2000-01-01Z'::timestamptz)
               <> date_bin('1 day', dhi, '2000-01-01Z'::timestamptz)
            $ddl$, name || '_dhi', name);
    end loop;
end
$$;
