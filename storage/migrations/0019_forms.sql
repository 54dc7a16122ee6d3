-- Strings stand in f_str in all their forms (storage/extraction.h, 2): a program that knows one form
-- would write rows that searches no longer find.
comment on table f_str is 'strings as they are searched by: folded, in up to three forms each';
