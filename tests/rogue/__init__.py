"""A FHIR R4 test server that behaves well by default and badly on demand."""
