#pragma once

/* The code systems and identifier systems that sample data uses. */

#define SYSTEM_URL_SNOMED   "http://snomed.info/sct"
#define SYSTEM_URL_LOINC    "http://loinc.org"
#define SYSTEM_URL_RXNORM   "http://www.nlm.nih.gov/research/umls/rxnorm"
#define SYSTEM_URL_CVX      "http://hl7.org/fhir/sid/cvx"
#define SYSTEM_URL_UCUM     "http://unitsofmeasure.org"
#define SYSTEM_URL_LANGUAGE "urn:ietf:bcp:47"

#define SYSTEM_HL7(name) "http://terminology.hl7.org/CodeSystem/" name

/* Identifiers that nobody could take for real ones. */
#define SYSTEM_OWN(name) "https://isthmus.example/" name
