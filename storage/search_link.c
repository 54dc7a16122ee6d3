/*
 * Search links - the SQL of chains, reverse chains and groups.
 *
 * Inside of each subquery the row of a main table is again called `t`: what is
 * said about a row (sql_term) can be said at any depth. The row outside hands
 * its key in through a subquery `o`, written where `t` still means the outer row.
 */

#include "storage/search_link.h"

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/search_cost.h"
#include "storage/search_source_parts.h"
#include "storage/search_stats.h"

#include <math.h>

/* Tokens of a row that are tried as references: a few dozen, of which one is. */
enum { TOKENS_OF_ROW = 40 };

static void make_links(struct search_plan *plan, struct search_term *term);
static void make_link(struct search_plan *plan, const struct query_param *param,
                      const struct query *part, struct search_link *link);
static const struct query *inside(const struct search_plan *plan, const struct query *part);
static bool is_patient_column(const struct columns *columns, const struct search_param *param);
static void link_holds(struct search_sql *sql, const struct search_link *link);
static void plan_holds(struct search_sql *sql, const struct search_plan *plan);
static void other_side(struct search_sql *sql, const struct search_link *link);
static bool has_code_column(const struct search_link *link);
static bool columns_suffice(const struct search_link *link);
static void columns_refer(struct search_sql *sql, const struct search_link *link);
static void code_is_any(struct search_sql *sql, const struct search_link *link);
static void refers(struct search_sql *sql, const struct search_link *link);
static void link_keys(struct search_sql *sql, const struct search_link *link);
static void tokens_as_keys(struct search_sql *sql, const struct search_link *link);

void search_links_make(struct search_plan *plan)
{
    for (size_t i = 0; i < plan->term_count; i++)
        if (plan->terms[i].param->part_count > 0)
            make_links(plan, &plan->terms[i]);
}

static void make_links(struct search_plan *plan, struct search_term *term)
{
    const struct query_param *param = term->param;
    struct search_link *links = arena_many(plan->arena, struct search_link, 2 * param->part_count);
    size_t count = 0;

    for (size_t i = 0; i < param->part_count; i++) {
        const struct query *part = param->parts[i];
        bool outside = param->subject == QUERY_CHAIN || param->subject == QUERY_HAS ||
                       (param->subject == QUERY_GROUP && !plan->tokens.contained);

        if (outside)
            make_link(plan, param, part, &links[count++]);
        if (!outside ||
            (param->subject == QUERY_CHAIN &&
             search_link_enters(plan, resource_type_find(text_of(part->type)))) ||
            (param->subject == QUERY_HAS && plan->tokens.contained))
            make_link(plan, param, inside(plan, part), &links[count++]);
    }
    term->links = links;
    term->link_count = count;
}

bool search_link_enters(const struct search_plan *plan, const struct type *target)
{
    return plan->tokens.contained || search_stats_contains(plan->store, plan->type, target);
}

/* The same, asked of what is contained. */
static const struct query *inside(const struct search_plan *plan, const struct query *part)
{
    struct query *copy = arena_one(plan->arena, struct query);

    *copy = *part;
    copy->contained = QUERY_CONTAINED;
    return copy;
}

static void make_link(struct search_plan *plan, const struct query_param *param,
                      const struct query *part, struct search_link *link)
{
    static const enum search_relation relations[] = {[QUERY_CHAIN] = LINK_TO,
                                                     [QUERY_HAS] = LINK_FROM,
                                                     [QUERY_GROUP] = LINK_SELF,
                                                     [QUERY_CONTAINS] = LINK_IN};

    *link = (struct search_link){
        .relation = relations[param->subject],
        .of = plan,
        .plan = arena_one(plan->arena, struct search_plan),
    };
    search_plan_init(link->plan, plan->store, plan->access, part, plan->arena);
    search_plan_choose(link->plan, SEARCH_COUNT, 0);
    link->matches = search_cost_matches(link->plan);
    if (link->relation == LINK_SELF || link->relation == LINK_IN)
        return;

    bool to = link->relation == LINK_TO;
    const char *target = to ? part->type : plan->type->name;
    const struct search_plan *referring = to ? plan : link->plan;
    link->by_patient = strcmp(target, "Patient") == 0 && !plan->tokens.contained &&
                       !link->plan->tokens.contained &&
                       is_patient_column(referring->columns, param->param);
    link->reference = token_reference(&referring->tokens, param->param, 0);
}

/* `patient` itself; or `subject`, when by definition `patient` is that one where it is a Patient.
 */
static bool is_patient_column(const struct columns *columns, const struct search_param *param)
{
    static const char where[] = ".where(resolve() is Patient)";
    if (!columns->patient || columns->patient_repeats)
        return false;
    if (param == columns->patient)
        return true;
    const char *narrow = columns->patient->expression, *wide = param->expression;
    size_t size = strlen(wide);
    return strncmp(narrow, wide, size) == 0 && strcmp(narrow + size, where) == 0;
}

/* Row by row */

void search_links_hold(struct search_sql *sql, const struct search_term *term)
{
    sql_add(sql, "(");
    for (size_t i = 0; i < term->link_count; i++) {
        sql_add(sql, i ? " or " : "");
        link_holds(sql, &term->links[i]);
    }
    sql_add(sql, ")");
}

static void link_holds(struct search_sql *sql, const struct search_link *link)
{
    if (link->relation == LINK_SELF) {
        sql_add(sql, "(true");
        plan_holds(sql, link->plan);
        sql_add(sql, ")");
        return;
    }
    sql_add(sql, "exists (select 1 from (select ");
    if (link->relation == LINK_FROM || link->relation == LINK_IN)
        sql_add(sql, "t.rkey");
    else if (link->by_patient)
        sql_add(sql, "t.patient");
    else
        tokens_as_keys(sql, link);
    sql_add(sql, " as key offset 0) o join lateral (select 1 ");
    if (columns_suffice(link))
        columns_refer(sql, link);
    else
        other_side(sql, link);
    sql_add(sql, " offset 0) t on true offset 0)");
}

static void plan_holds(struct search_sql *sql, const struct search_plan *plan)
{
    for (size_t i = 0; i < plan->term_count; i++) {
        sql_add(sql, " and ");
        sql_term(sql, &plan->terms[i]);
    }
}

/* `from ... t where ...`: what o.key refers to, or what refers to it. What the index is asked for
 * stands inside a fence. */
static void other_side(struct search_sql *sql, const struct search_link *link)
{
    const struct search_plan *plan = link->plan;

    sql_add(sql, "from (select * from %s t where ", plan->table->name);
    if (link->relation == LINK_TO)
        sql_add(sql, "t.rkey = o.key");
    else
        refers(sql, link);
    if (has_code_column(link)) {
        sql_add(sql, " and t.code");
        code_is_any(sql, link);
    }
    sql_add(sql, " offset 0) t where true");
    source_visible(plan, sql);
    plan_holds(sql, plan);
}

static bool has_code_column(const struct search_link *link)
{
    return link->relation == LINK_FROM && link->by_patient && link->plan->table->code &&
           link->plan->codes >= 0 && !link->plan->no_codes;
}

/* Whether patient and code, into which the tenant is hashed, are all that is asked for. */
static bool columns_suffice(const struct search_link *link)
{
    return has_code_column(link) && link->plan->term_count == 1 && !link->plan->table->shared;
}

/* What other_side() says, from the index (patient, code, d) alone. */
static void columns_refer(struct search_sql *sql, const struct search_link *link)
{
    sql_add(sql, "from %s t where t.patient = o.key and t.code", link->plan->table->name);
    code_is_any(sql, link);
}

static void code_is_any(struct search_sql *sql, const struct search_link *link)
{
    const struct search_term *term = &link->plan->terms[link->plan->codes];

    sql_is_any(sql, term->codes, term->code_count);
}

/* Row t refers to o.key, or stands within it. */
static void refers(struct search_sql *sql, const struct search_link *link)
{
    if (link->relation == LINK_IN) {
        sql_add(sql, "t.container = o.key");
        return;
    }
    if (link->by_patient) {
        sql_add(sql, "t.patient = o.key");
        return;
    }
    sql_add(sql, "t.toks @> array[o.key # ");
    sql_int8(sql, link->reference);
    sql_add(sql, "]");
}

/* From the other side */

void search_link_keys(struct search_sql *sql, const struct search_term *term)
{
    for (size_t i = 0; i < term->link_count; i++) {
        sql_add(sql, i ? " union all (" : "(");
        link_keys(sql, &term->links[i]);
        sql_add(sql, ")");
    }
}

static void link_keys(struct search_sql *sql, const struct search_link *link)
{
    if (link->relation == LINK_TO) {
        sql_add(sql, "select t.rkey from (select t.rkey as key ");
        source_rows(link->plan, sql);
        sql_add(sql, " offset 0) o join lateral (select t.rkey from %s t where ",
                link->of->table->name);
        refers(sql, link);
        sql_add(sql, " offset 0) t on true");
        return;
    }
    if (columns_suffice(link)) {
        sql_add(sql, "select t.patient as rkey from %s t where t.code", link->plan->table->name);
        code_is_any(sql, link);
        return;
    }
    sql_add(sql, "select ");
    if (link->relation == LINK_SELF)
        sql_add(sql, "t.rkey");
    else if (link->relation == LINK_IN)
        sql_add(sql, "t.container");
    else if (link->by_patient)
        sql_add(sql, "t.patient");
    else
        tokens_as_keys(sql, link);
    sql_add(sql, " as rkey ");
    source_rows(link->plan, sql);
}

/* One of a row's tokens is that of the reference; what the others become is the key of nothing. */
static void tokens_as_keys(struct search_sql *sql, const struct search_link *link)
{
    sql_add(sql, "unnest(t.toks) # ");
    sql_int8(sql, link->reference);
}

bool search_link_is_patients(const struct search_term *term)
{
    return term->link_count == 1 && !term->negated && term->links[0].relation == LINK_TO &&
           term->links[0].by_patient;
}

void search_link_patients(struct search_sql *sql, const struct search_term *term)
{
    source_keys(term->links[0].plan, sql);
}

/* Estimates */

double search_link_found(const struct search_term *term)
{
    double found = 0;

    for (size_t i = 0; i < term->link_count; i++) {
        const struct search_link *link = &term->links[i];
        const struct search_plan *of = link->of, *plan = link->plan;

        if (link->relation == LINK_TO && !plan->tokens.contained)
            found += link->matches * search_stats_rows(of->store, of->table) /
                     search_stats_rows(plan->store, plan->table);
        else
            found += link->matches;
    }
    return found;
}

double search_link_read(const struct search_term *term)
{
    const double index_alone = 0.1; /* of what a row costs */
    double read = 0;

    for (size_t i = 0; i < term->link_count; i++) {
        const struct search_link *link = &term->links[i];

        read +=
            columns_suffice(link) ? index_alone * link->matches : search_cost_rows_read(link->plan);
        if (link->relation == LINK_FROM && !link->by_patient)
            read += link->matches * TOKENS_OF_ROW;
    }
    return read;
}
