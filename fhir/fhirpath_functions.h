#pragma once

/*
 * FHIRPath's functions, by the file that implements them. The table that
 * names them is in fhirpath_functions.c.
 */

#include "fhir/fhirpath_expr.h"

/* fhirpath_collections.c: existence, filtering, subsetting, combining, the tree. */
function_fn function_empty, function_exists, function_all, function_all_true, function_any_true,
    function_all_false, function_any_false, function_subset_of, function_superset_of,
    function_count, function_distinct, function_is_distinct, function_where, function_select,
    function_repeat, function_single, function_first, function_last, function_tail, function_skip,
    function_take, function_intersect, function_exclude, function_union, function_combine,
    function_children, function_descendants, function_aggregate;

/* fhirpath_sort.c */
function_fn function_sort;

/* fhirpath_strings.c */
function_fn function_index_of, function_last_index_of, function_substring, function_starts_with,
    function_ends_with, function_contains, function_upper, function_lower, function_replace,
    function_length, function_to_chars, function_trim, function_split, function_join;

/* fhirpath_matches.c */
function_fn function_matches, function_matches_full, function_replace_matches;

/* fhirpath_encodings.c */
function_fn function_transform;

/* fhirpath_math.c */
function_fn function_abs, function_ceiling, function_exp, function_floor, function_ln, function_log,
    function_power, function_round, function_sqrt, function_truncate, function_low_boundary,
    function_high_boundary, function_precision, function_comparable;

/* fhirpath_conversions.c */
function_fn function_convert, function_converts;

/* fhirpath_definitions.c: what needs profiles and terminology. */
function_fn function_member_of, function_conforms_to, function_subsumes, function_subsumed_by,
    function_html_checks;

/* fhirpath_elements.c */
function_fn function_slice, function_check_modifiers, function_element_definition;
