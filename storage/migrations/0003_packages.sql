-- Packages of definitions (profiles, value sets, code systems, search
-- parameters). They belong to the server as a whole, not to a tenant.

create table f_package (
    number int4 generated always as identity primary key,
    name text not null,
    version text not null,
    canonical text,
    title text,
    installed timestamptz not null default clock_timestamp(),
    digest bytea not null,              -- sha256 of what its definitions say
    dependencies text[] not null,       -- "name#version"
    counts int4[] not null,             -- by enum package_kind
    unique (name, version)
);

create table f_definition (
    package int4 not null references f_package on delete cascade,
    place int4 not null,                -- order within the package
    type text not null,                 -- of the resource: StructureDefinition, ...
    url text,
    version text,
    id text,
    body bytea not null,                -- like that of a resource, never with a dictionary
    primary key (package, place)
);
alter table f_definition alter body set storage external;
