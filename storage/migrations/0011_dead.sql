-- What dies again, to the byte, is no other dead letter.
create index f_dead_body on f_dead (partner, md5(body));
