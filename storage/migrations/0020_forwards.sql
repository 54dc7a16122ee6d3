-- A partner may bring what belongs to another one that has not brought it yet: presence F in f_identity,
-- beside M, P, A, G and D.
alter table f_identity add column via bytea;  -- F: local of whose content it is; null: that was deleted
