"""A simulated Azure for tests: token endpoints, the Log Analytics query API with a KQL evaluator, the
Logs Ingestion API and a webhook sink, on loopback, with faults on demand. See README.md."""
