/*
 * Person - who a sample patient is.
 */

#include "server/sample_person.h"

#include "base/clock.h"

/* How many of a thousand live in each five years of age, newborns first. */
static const int pyramid[] = {60, 62, 64, 65, 66, 68, 70, 67, 64, 60,
                              62, 64, 63, 55, 44, 31, 19, 11, 4,  1};

static int draw_birth(struct sample_random *random);
static void draw_death(struct person *person);
static void draw_name(struct person *person);
static void draw_habits(struct person *person);
static void draw_home(struct person *person, const struct clinic *clinic);
static const struct sample_growth *growth_before(int months);
static int between(int low, int high, int part, int whole);

void person_init(struct person *person, const struct clinic *clinic, uint64_t seed, unsigned number)
{
    struct sample_random *random = &person->random;

    memset(person, 0, sizeof(*person));
    person->seed = seed;
    person->number = number;
    sample_random_seed(random, seed, number);
    person->key = sample_next(random);
    sample_uuid(random, person->id);
    person->sex = sample_chance(random, 508) ? SEX_FEMALE : SEX_MALE;
    person->group = sample_group_drawn(random);
    person->birth = draw_birth(random);
    draw_death(person);
    draw_habits(person);
    draw_name(person);
    draw_home(person, clinic);
    for (int i = 0; i < ALLERGY_COUNT; i++)
        person->allergic[i] = sample_chance(random, sample_allergies[i].chance) &&
                              person_age(person, person->end) >= 2;
}

static int draw_birth(struct sample_random *random)
{
    int drawn = sample_below(random, 1000), band = 0;

    while (band < 19 && drawn >= pyramid[band])
        drawn -= pyramid[band++];
    return REFERENCE_DAY - 5 - (band * 5 * 1461 + sample_below(random, 5 * 1461)) / 4;
}

/* Within the last five years, for more of the old than of the young. */
static void draw_death(struct person *person)
{
    static const struct {
        int age, per_mille;
    } rates[] = {{85, 300}, {75, 150}, {60, 60}, {40, 15}, {0, 4}};
    int age = person_age(person, REFERENCE_DAY), i = 0;
    int day = REFERENCE_DAY - sample_between(&person->random, 3, 5 * 365);

    while (age < rates[i].age)
        i++;
    person->died = sample_chance(&person->random, rates[i].per_mille) && day > person->birth + 60;
    person->end = person->died ? day : REFERENCE_DAY;
    person->death_minute = sample_below(&person->random, 1440);
}

static void draw_habits(struct person *person)
{
    struct sample_random *random = &person->random;
    int age = person_age(person, person->end), drawn = sample_below(random, 1000);

    if (age >= 18)
        person->smoking = drawn < 150   ? SMOKING_CURRENT
                          : drawn < 380 ? SMOKING_FORMER
                                        : SMOKING_NEVER;
    drawn = sample_below(random, 1000);
    if (age >= 22 && drawn < 250 + 5 * age)
        person->marriage = MARRIAGE_MARRIED;
    if (age >= 30 && drawn < 130)
        person->marriage = MARRIAGE_DIVORCED;
    if (age >= 65 && drawn < 6 * (age - 50))
        person->marriage = MARRIAGE_WIDOWED;
    person->own_language = sample_chance(random, sample_groups[person->group].speaks);
    person->height_z = sample_normal(random);
    person->bmi_z = sample_normal(random);
}

static void draw_name(struct person *person)
{
    struct sample_random *random = &person->random;

    person->given = sample_given_name(random, person->group, person->sex);
    do {
        person->middle = sample_given_name(random, person->group, person->sex);
    } while (person->middle == person->given);
    person->family = sample_family_name(random, person->group);
    if (person->sex == SEX_FEMALE && person->marriage != MARRIAGE_SINGLE &&
        sample_chance(random, 500)) {
        person->maiden = person->family;
        person->family = sample_family_name(random, person->group);
    }
}

static void draw_home(struct person *person, const struct clinic *clinic)
{
    struct sample_random *random = &person->random;
    int total = 0, drawn, place = 0;

    for (int i = 0; i < PLACE_COUNT; i++)
        total += sample_places[i].weight;
    drawn = sample_below(random, total);
    while (drawn >= sample_places[place].weight)
        drawn -= sample_places[place++].weight;
    person->place = (enum sample_place_key)place;
    person->house = sample_between(random, 1, 1900);
    person->street = sample_streets[sample_below(random, (int)sample_street_count)].name;
    person->postal = sample_postal_code(random, person->place);
    person->practice =
        clinic_facility(clinic, person->place,
                        sample_chance(random, 650) ? FACILITY_PRACTICE : FACILITY_HEALTH_CENTER);
    person->hospital = clinic_facility(clinic, person->place, FACILITY_HOSPITAL);
    person->laboratory = clinic_facility(clinic, person->place, FACILITY_LAB);
    person->doctor = clinic_practitioner(clinic, person->practice, sample_below(random, 4));
}

int person_age(const struct person *person, int day)
{
    return person_months(person, day) / 12;
}

int person_months(const struct person *person, int day)
{
    int year, month, date, birth_year, birth_month, birth_date;

    clock_civil(day, &year, &month, &date);
    clock_civil(person->birth, &birth_year, &birth_month, &birth_date);
    return (year - birth_year) * 12 + month - birth_month - (date < birth_date);
}

struct body person_body(const struct person *person, int day)
{
    int months = person_months(person, day);
    const struct sample_growth *low = growth_before(months), *high = low + 1;
    int part = months - low->months, whole = high->months - low->months;
    bool male = person->sex == SEX_MALE;
    int64_t height = between(male ? low->male_mm : low->female_mm,
                             male ? high->male_mm : high->female_mm, part, whole);
    int64_t bmi = between(low->bmi * 100, high->bmi * 100, part, whole); /* thousandths */
    int64_t spread = between(low->bmi_spread, high->bmi_spread, part, whole);
    struct body body;

    height += height * 38 * person->height_z / 1000000;
    bmi += bmi * spread / 1000 * person->bmi_z / 1000;
    if (bmi < 12000)
        bmi = 12000; /* nobody starves */
    body.height_mm = (int)height;
    body.weight = (int)((bmi * height * height + 50000000) / 100000000);
    body.bmi = (int)((body.weight * INT64_C(1000000) + height * height / 2) / (height * height));
    body.head_mm = between(male ? low->head_male_mm : low->head_female_mm,
                           male ? high->head_male_mm : high->head_female_mm, part, whole);
    body.head_mm += person->height_z * 12 / 1000;
    return body;
}

/* The last row but one at most, so that there is always one behind it. */
static const struct sample_growth *growth_before(int months)
{
    size_t i = 0;

    while (i + 2 < sample_growth_count && sample_growths[i + 1].months <= months)
        i++;
    return &sample_growths[i];
}

static int between(int low, int high, int part, int whole)
{
    return low + (high - low) * part / whole;
}

bool person_is_allergic_to(const struct person *person, enum sample_drug family)
{
    for (int i = 0; i < ALLERGY_COUNT; i++) {
        if (family != DRUG_NONE && person->allergic[i] && sample_allergies[i].family == family)
            return true;
    }
    return false;
}
