#pragma once

/* XML names - the namespaces of R4 xml.html, for reader and writer. */

#define XML_FHIR            "http://hl7.org/fhir"
#define XML_XHTML           "http://www.w3.org/1999/xhtml"
#define XML_SCHEMA_INSTANCE "http://www.w3.org/2001/XMLSchema-instance"
